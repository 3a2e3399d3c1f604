use super::super::Mode;
use super::*;

#[test]
fn each_line_of_what_is_left_out_names_a_package_and_a_target_that_are_there() {
    let packages = binaries::packages().unwrap();
    for line in EXCLUDED {
        let package = packages.iter().find(|package| package.name == line.package);
        let package = package.unwrap_or_else(|| panic!("no package {}", line.package));
        if let What::Target(argument) = line.what {
            let fits = line.fits(package, &BTreeSet::new());
            assert!(fits, "{} has no {argument}", line.package);
        }
    }
}

#[test]
fn a_line_that_fits_nothing_is_found_out() {
    let packages = binaries::packages().unwrap();
    let package = packages.iter().find(|package| package.name == "tests");
    let names = BTreeSet::from(["forks::a_child".to_owned()]);
    let fits = |what| {
        let line = Excluded {
            package: "tests",
            what,
            under: &[Mode::Asan],
            reason: "for this test",
        };
        line.fits(package.unwrap(), &names)
    };
    assert!(fits(What::Package) && fits(What::Target("--lib")) && fits(What::Tests("a_child")));
    assert!(!fits(What::Target("--test gone")) && !fits(What::Tests("a_parent")));
}
