//! The options that every demo has.

use super::line::Symbol;
use clap::Args;
use std::path::PathBuf;

/// The options that every demo has.
#[derive(Args, Debug, Clone, Default)]
#[command(after_help = Symbol::LEGEND)]
pub struct Options {
    /// Print the facts of the run as one JSON object in place of the story
    #[arg(long)]
    pub json: bool,

    /// Print raw addresses beside base+offset (they differ from run to run)
    #[arg(long)]
    pub addresses: bool,

    /// Ask for your prediction before the truth is shown (needs a terminal)
    #[arg(long, conflicts_with = "json")]
    pub predict: bool,

    /// Write the run as a page to play in a browser: every event, scrubbed and searched
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Write the run as a drawing
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,

    /// The launcher started this demo, and says itself what is to be said about progress
    #[arg(long, hide = true)]
    pub in_tour: bool,
}

impl Options {
    /// True if the run is to be drawn.
    #[must_use]
    pub fn wants_pictures(&self) -> bool {
        self.html.is_some() || self.svg.is_some()
    }

    /// The same options as arguments, to hand them on to another process. Pictures are of one demo, and not handed on.
    pub fn as_args(&self) -> impl Iterator<Item = &'static str> + use<> {
        [
            (self.json, "--json"),
            (self.addresses, "--addresses"),
            (self.predict, "--predict"),
        ]
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
    }
}
