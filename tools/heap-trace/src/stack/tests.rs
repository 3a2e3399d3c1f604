use super::{Frame, shortened, telling_frame};

fn frame(function: &str, line: Option<&str>) -> Frame {
    Frame {
        address: 0,
        function: Some(function.to_owned()),
        line: line.map(str::to_owned),
    }
}

/// The innermost first: the standard library with and without lines, a package, the program.
fn stack() -> Vec<Frame> {
    vec![
        frame("<alloc::raw_vec::RawVecInner>::try_allocate_in", None),
        frame(
            "alloc::alloc::alloc",
            Some("/rustc/5980/library/alloc/src/alloc.rs:95"),
        ),
        frame(
            "rayon_core::registry::Registry::new",
            Some("/elsewhere/.cargo/registry/src/index-1949/rayon-core-1.13.0/src/registry.rs:254"),
        ),
        frame("story::main", Some("/elsewhere/story/src/main.rs:7")),
        frame("main", None),
    ]
}

#[test]
fn the_innermost_frame_of_the_program_tells_most() {
    assert_eq!(telling_frame(&stack()), Some(&stack()[3]));
}

#[test]
fn without_the_program_a_package_tells_more_than_the_standard_library() {
    let frames = &stack()[..3];
    assert_eq!(telling_frame(frames), Some(&frames[2]));
    let frames = &stack()[..2];
    assert_eq!(telling_frame(frames), Some(&frames[0]));
    assert_eq!(telling_frame(&[]), None);
}

#[test]
fn the_name_of_a_packages_file_begins_with_the_package() {
    let line = stack()[2].line.clone().unwrap();
    assert_eq!(shortened(&line), "rayon-core-1.13.0/src/registry.rs:254");
    assert_eq!(shortened("/elsewhere/a.rs:1"), "/elsewhere/a.rs:1");
    let here = std::env::current_dir().unwrap();
    assert_eq!(
        shortened(&format!("{}/src/a.rs:1", here.display())),
        "src/a.rs:1"
    );
}
