//! Reports as pictures.

pub(super) mod bars;
pub(super) mod chart;
mod svg;

use svg::{Anchor, Svg};

use super::json::kernel_version;
use crate::matrix::{Matrix, Result};
use crate::observation::PageState;

/// The side of a page in the picture.
const CELL: f64 = 14.0;
/// The height of a row.
const ROW: f64 = 20.0;
/// Where the names end and the pages begin.
const NAMES: f64 = 330.0;
/// How many pages of a mapping are drawn.
const PAGES: usize = 32;

/// The matrix: a row of pages for each mapping.
pub(super) fn matrix(matrix: &Matrix) -> String {
    let columns = matrix.pages.min(PAGES);
    let width = NAMES + CELL * columns as f64 + 260.0;
    let top = 70.0;
    let height = top + ROW * matrix.rows.len() as f64 + 20.0;
    let title = format!(
        "What fork does to {} pages, Linux {}",
        matrix.pages,
        kernel_version()
    );
    let mut svg = Svg::new(width, height, &title);
    svg.text(10.0, 22.0, Anchor::Start, "title", &title);
    legend(&mut svg, 46.0);
    for (index, row) in matrix.rows.iter().enumerate() {
        let y = top + ROW * index as f64;
        let name = row.recipe.to_string();
        svg.text(NAMES - 10.0, y + 11.0, Anchor::End, "", &name);
        let after = NAMES + CELL * columns as f64 + 10.0;
        match &row.result {
            Result::Seen(seen) => {
                for (page, &state) in seen.map.iter().take(columns).enumerate() {
                    let what = format!("{name}: page {page} {}", state.name());
                    let x = NAMES + CELL * page as f64;
                    svg.rect([x, y, CELL - 2.0, CELL - 2.0], class(state), &what);
                }
                let mut end = seen.end.to_string();
                if let Some(refusal) = seen.refusal {
                    end = format!("{end}, {refusal}");
                }
                svg.text(after, y + 11.0, Anchor::Start, "faint", &end);
            }
            Result::Refused { errno, why } => {
                let why = errno.map_or(why.clone(), |errno| {
                    format!("refused: {:?}", nix::errno::Errno::from_raw(errno))
                });
                svg.text(NAMES, y + 11.0, Anchor::Start, "faint", &why);
            }
        }
    }
    svg.finish()
}

fn legend(svg: &mut Svg, y: f64) {
    let mut x = 10.0;
    for state in PageState::ALL {
        svg.rect(
            [x, y - 10.0, CELL - 2.0, CELL - 2.0],
            class(state),
            state.name(),
        );
        svg.text(x + CELL + 2.0, y, Anchor::Start, "", state.name());
        x += 34.0 + 7.0 * state.name().len() as f64;
    }
}

fn class(state: PageState) -> &'static str {
    match state {
        PageState::Shared => "shared",
        PageState::CopiedByChild => "child",
        PageState::CopiedByParent => "parent",
        PageState::Absent => "absent",
        PageState::Zeroed => "zeroed",
        PageState::Unknown => "unknown",
    }
}
