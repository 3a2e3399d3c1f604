//! The picture in the course is what the program draws from the figures beside it.

#[path = "../examples/gain/draw.rs"]
mod draw;

use std::fs;
use std::path::Path;

#[test]
fn the_picture_of_the_gain_is_drawn_from_its_data() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data = fs::read_to_string(folder.join("real/gain.json")).expect("the data");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&data).expect("a list");
    let picture = folder.join("../../docs/pictures/fault-gain.svg");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&picture, draw::draw(&rows)).expect("a writable folder");
    }
    let committed = fs::read_to_string(&picture).expect("the picture");
    assert!(
        draw::draw(&rows) == committed,
        "draw it again: UPDATE_EXPECTED=1"
    );
}
