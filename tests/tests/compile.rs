//! What must not compile: blocks that outlive their arena or scope, arenas shared by threads.
//!
//! The files in `compile/` say in comments where an error is due, and which. Nothing else of the
//! compiler's words is compared, so that its version does not matter. They are built, not only
//! checked: a type that needs drop is refused when code is made for it.

use ui_test::dependencies::DependencyBuilder;
use ui_test::spanned::Spanned;
use ui_test::{
    Config, default_file_filter, default_per_file_config, run_tests_generic, status_emitter,
};

#[test]
fn misuse_does_not_compile_and_use_does() {
    let mut config = Config::rustc("compile");
    config.output_conflict_handling = ui_test::ignore_output_conflict;
    config.out_dir = concat!(env!("CARGO_TARGET_TMPDIR"), "/compile").into();
    // Every error must be announced by a comment; code is made.
    config.program.args.retain(|arg| arg != "--emit=metadata");
    let defaults = config.comment_defaults.base();
    defaults.set_custom(
        "edition",
        ui_test::custom_flags::edition::Edition("2024".into()),
    );
    defaults.set_custom(
        "dependencies",
        DependencyBuilder {
            crate_manifest_path: "compile/dependencies/Cargo.toml".into(),
            ..Default::default()
        },
    );
    defaults.set_custom(
        "rustfix",
        ui_test::custom_flags::rustfix::RustfixMode::Disabled,
    );
    defaults.exit_status = Spanned::dummy(1).into();
    let only_top_level = |path: &std::path::Path, config: &Config| {
        (!path.iter().any(|part| part == "dependencies")).then_some(())?;
        default_file_filter(path, config)
    };
    let outcome = run_tests_generic(
        vec![config],
        only_top_level,
        default_per_file_config,
        status_emitter::Text::quiet(),
    );
    assert!(outcome.is_ok(), "{:?}", outcome.err());
}
