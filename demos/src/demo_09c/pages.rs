//! The page picture: which page was copied, and by whose write.

use crate::stage::{During, Line, Stage, Symbol, Trouble};
use fork_probe::{AtFork, ForkProbe, Ground, Observation, PageState, Recipe};

/// How many pages are looked at.
const PAGES: usize = 8;

/// Has the kernel say what a fork and some writes make of eight pages, private and shared.
pub(super) fn show(stage: &mut Stage) -> Result<(), Trouble> {
    stage
        .part("Eight pages: the child writes into every second, the parent into two of the others");
    for (ground, name, expected) in [
        (Ground::Private, "private", "cpc=cpc="),
        (Ground::Shared, "shared", "========"),
    ] {
        let seen = probe(ground)?;
        let note = format!(
            "{}  {name}: {} copied by the child, {} by the parent, {} still shared",
            seen.letters(),
            seen.count(PageState::CopiedByChild),
            seen.count(PageState::CopiedByParent),
            seen.count(PageState::Shared),
        );
        stage.show(Line::new(Symbol::Picture, "pages").note(note));
        let fact = format!("{name}_pages");
        stage.expect(&fact, expected.to_owned(), seen.letters());
    }
    Ok(())
}

// stamp: probe
fn probe(ground: Ground) -> Result<Observation, Trouble> {
    let recipe = Recipe {
        ground,
        at_fork: AtFork::Inherit,
    };
    ForkProbe::new()
        .pages(PAGES)
        .recipe(recipe)
        .during("probing")
}
// /stamp: probe
