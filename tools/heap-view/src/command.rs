//! The command `heap-view`: recordings to pictures and exports, and workloads on allocators.

use crate::error::DrawError;
use crate::export::{self, Weight};
use crate::history::History;
use crate::json_lines::{self, ReadError};
use crate::map::{self, Look};
use crate::picture::best_moment;
use crate::rep::{Rep, RepError};
use crate::trace::Trace;
use crate::{html, svg};
use clap::{Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use thiserror::Error;

mod replays;

/// Draw a recorded heap, hand it on to other viewers, or replay it on an allocator.
#[derive(Parser, Debug)]
#[command(
    name = "heap-view",
    version,
    after_help = "FILE is a recording in JSON Lines; - is standard input."
)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Draw a moment as text
    Map {
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        moment: Moment,
        /// Columns; those of the terminal if not given, or 80
        #[arg(long, value_parser = clap::value_parser!(u16).range(16..))]
        width: Option<u16>,
    },
    /// Draw a moment, and every block over time, as SVG
    Svg {
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        moment: Moment,
        #[command(flatten)]
        output: Output,
    },
    /// Write a page that plays the recording in any browser, offline
    Html {
        #[command(flatten)]
        input: Input,
        #[command(flatten)]
        output: Output,
    },
    /// Write a file for another viewer
    Export {
        /// Which viewer it is for
        #[arg(value_enum)]
        format: Format,
        #[command(flatten)]
        input: Input,
        /// What the numbers of collapsed stacks count
        #[arg(long, value_enum, default_value = "bytes")]
        weight: Counted,
        #[command(flatten)]
        output: Output,
    },
    /// Replay a recording, or a .rep workload, on an allocator
    Replay(replays::Replay),
    /// Read a recording and say what is wrong with it
    Check {
        #[command(flatten)]
        input: Input,
    },
}

#[derive(clap::Args, Debug)]
struct Input {
    /// The recording; - is standard input
    file: PathBuf,
    /// Go on with what is left of a damaged recording
    #[arg(long)]
    salvage: bool,
}

#[derive(clap::Args, Debug)]
struct Output {
    /// Where it is written; standard output if not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(clap::Args, Debug)]
struct Moment {
    /// After how many events; if not given, the last fault, or the fullest moment
    #[arg(long, value_name = "EVENTS")]
    at: Option<usize>,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// JSON for DHAT's viewer, dh_view.html of valgrind
    Dhat,
    /// Stacks for inferno-flamegraph and its like
    Collapsed,
    /// A .rep workload, to be replayed
    Rep,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// Bytes allocated
    Bytes,
    /// Blocks allocated
    Blocks,
    /// Bytes live at the fullest moment
    Peak,
    /// Bytes live at the end
    End,
}

/// Why the command could not do what it was asked for.
#[derive(Debug, Error)]
enum Failure {
    #[error("{file}: {why}")]
    Read { file: String, why: ReadError },
    #[error("{file}: {why}")]
    ReadRep { file: String, why: RepError },
    #[error("{file}: {why}")]
    File { file: String, why: io::Error },
    #[error(
        "{file}: {count} lines are wrong, the recording is not used; --salvage goes on with what is left of it"
    )]
    Damaged { file: String, count: usize },
    #[error("there are {events} events: --at {at} is after the last")]
    At { at: usize, events: usize },
    #[error("{0}")]
    Draw(#[from] DrawError),
    #[error("{0}")]
    Subject(String),
    #[error("the replay stopped: {0}")]
    Stopped(String),
}

/// Lines that are said to be wrong, before the rest is only counted.
const MOST_SAID: usize = 20;

/// Runs the command with the arguments that follow its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let name = std::iter::once(OsString::from("heap-view"));
    let arguments = match Arguments::try_parse_from(name.chain(arguments)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match go(arguments.what) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has left: nobody is to be told.
        Err(Failure::Draw(DrawError::Io(why))) if why.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            say(&failure.to_string());
            ExitCode::FAILURE
        }
    }
}

fn go(what: What) -> Result<(), Failure> {
    match what {
        What::Map {
            input,
            moment,
            width,
        } => {
            let trace = read(&input)?;
            let moment = moment.of(&trace)?;
            let map = map::render(&trace, moment, look(width))?;
            print(|out| {
                writeln!(out, "after {moment} of {} events", trace.events.len())?;
                out.write_all(map.as_bytes())?;
                Ok(())
            })
        }
        What::Svg {
            input,
            moment,
            output,
        } => {
            let trace = read(&input)?;
            let moment = moment.of(&trace)?;
            output.write(|out| svg::write(&trace, moment, out))
        }
        What::Html { input, output } => {
            let trace = read(&input)?;
            output.write(|out| html::write(&trace, out))
        }
        What::Export {
            format,
            input,
            weight,
            output,
        } => {
            let trace = read(&input)?;
            let weight = weight.of(&trace)?;
            output.write(|out| match format {
                Format::Dhat => export::dhat(&trace, out),
                Format::Collapsed => export::collapsed(&trace, weight, out),
                Format::Rep => Ok(write!(out, "{}", Rep::of(&trace)?)?),
            })
        }
        What::Replay(replay) => replay.run(),
        What::Check { input } => {
            let trace = read(&input)?;
            print(|out| {
                let (events, snapshots) = (trace.events.len(), trace.snapshots.len());
                writeln!(
                    out,
                    "{events} events, {snapshots} snapshots: {:?}",
                    trace.title
                )?;
                Ok(())
            })
        }
    }
}

impl Moment {
    fn of(&self, trace: &Trace) -> Result<usize, Failure> {
        let events = trace.events.len();
        match self.at {
            None => Ok(best_moment(&history(trace)?)),
            Some(at) if at <= events => Ok(at),
            Some(at) => Err(Failure::At { at, events }),
        }
    }
}

impl Counted {
    fn of(self, trace: &Trace) -> Result<Weight, Failure> {
        Ok(match self {
            Self::Bytes => Weight::Bytes,
            Self::Blocks => Weight::Blocks,
            Self::Peak => Weight::LiveAt(history(trace)?.peak()),
            Self::End => Weight::LiveAt(trace.events.len()),
        })
    }
}

impl Output {
    fn write(
        &self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), DrawError>,
    ) -> Result<(), Failure> {
        let Some(path) = &self.output else {
            return print(write);
        };
        let failed = |why| Failure::File {
            file: path.display().to_string(),
            why,
        };
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        match write(&mut file) {
            Err(DrawError::Io(why)) => Err(failed(why)),
            result => {
                result?;
                file.flush().map_err(failed)
            }
        }
    }
}

fn print(write: impl FnOnce(&mut dyn Write) -> Result<(), DrawError>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    write(&mut out)?;
    out.flush().map_err(DrawError::from)?;
    Ok(())
}

fn history(trace: &Trace) -> Result<History, Failure> {
    History::of(trace).map_err(|misfit| DrawError::from(misfit).into())
}

/// Reads a recording, and says line by line what is wrong with it.
fn read(input: &Input) -> Result<Trace, Failure> {
    let file = input.file.display().to_string();
    let salvaged = json_lines::salvage(open(&input.file)?);
    let salvaged = salvaged.map_err(|why| Failure::Read {
        file: file.clone(),
        why,
    })?;
    for problem in salvaged.problems.iter().take(MOST_SAID) {
        say(&format!("{file}: {problem}"));
    }
    let count = salvaged.problems.len();
    if count > MOST_SAID {
        say(&format!("{file}: and {} more", count - MOST_SAID));
    }
    // What a program recorded until it crashed is all there is, and worth most.
    if input.salvage || salvaged.is_only_cut_off() {
        return Ok(salvaged.trace);
    }
    Err(Failure::Damaged { file, count })
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).map_err(|why| Failure::File {
        file: path.display().to_string(),
        why,
    })?;
    Ok(Box::new(BufReader::new(file)))
}

/// As wide as the terminal; coloured on one, unless the reader asked for no colour.
fn look(width: Option<u16>) -> Look {
    let is_terminal = io::stdout().is_terminal();
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let size = rustix::termios::tcgetwinsize(io::stdout());
    let terminal = size
        .ok()
        .map(|size| size.ws_col)
        .filter(|&columns| columns > 0);
    Look {
        columns: usize::from(width.or(terminal).unwrap_or(80)),
        colour: is_terminal && !refused,
    }
}

/// Writes one line to standard error; if nobody reads that either, it is lost.
fn say(text: &str) {
    let _ = writeln!(io::stderr().lock(), "heap-view: {text}");
}
