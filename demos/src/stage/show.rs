//! The stage that a demo is handed, and the frame around its story.

use super::bytes::{ROW, printable};
use super::facts::Facts;
use super::line::{Line, Place, Symbol};
use super::options::Options;
use super::out::{self, Out};
use super::paint::Paint;
use super::progress::{Guess, Progress};
use super::question::Question;
use super::record::Recording;
use super::trouble::{During, Trouble};
use super::wrap::wrap;
use heap_view::history::History;
use heap_view::{DrawError, html, picture, svg};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal};
use std::panic::Location;
use std::path::Path;
use std::process::ExitCode;

/// One demo, as the registry knows it.
#[derive(Debug)]
pub struct Demo {
    /// Its number, which chapter, binary and transcript share.
    pub number: &'static str,
    /// The name of its binary.
    pub binary: &'static str,
    /// What it shows, in one line.
    pub title: &'static str,
    /// What it asks before it tells.
    pub question: Question,
    /// The question that it leaves to the next demo.
    pub next: &'static str,
    /// Tells the story; [`play`] with the demo's own story.
    pub run: fn(&Options) -> ExitCode,
    /// What its child does, if it starts its program again.
    pub child: Option<fn() -> ExitCode>,
}

/// Where a demo tells its story and keeps what it measured.
#[derive(Debug)]
pub struct Stage {
    demo: &'static Demo,
    options: Options,
    paint: Paint,
    out: Out,
    facts: Facts,
    guess: Option<usize>,
    answer: Option<String>,
    /// Only if the run is to be drawn.
    recording: Option<Recording>,
}

/// Tells a story from its question to its end. The exit status is 0 if everything was as the chapter says.
pub fn play(
    demo: &'static Demo,
    options: &Options,
    story: impl FnOnce(&mut Stage) -> Result<(), Trouble>,
) -> ExitCode {
    let mut stage = Stage {
        demo,
        options: options.clone(),
        paint: Paint::detect(),
        out: Out::default(),
        facts: Facts::default(),
        guess: None,
        answer: None,
        recording: options.wants_pictures().then(|| {
            let title = format!("{}  {}", demo.number, demo.title);
            Recording::new(title, options.addresses)
        }),
    };
    stage.open();
    let told = story(&mut stage);
    stage.close(told)
}

impl Stage {
    /// Says a sentence. An empty one makes a gap.
    pub fn say(&mut self, text: &str) {
        if !self.options.json {
            self.out.line(text);
        }
    }

    /// Says more than fits into a line.
    pub fn paragraph(&mut self, text: &str) {
        for line in wrap("   ", text) {
            self.say(&line);
        }
    }

    /// Begins a part of the story.
    pub fn part(&mut self, title: &str) {
        self.record(|heap| heap.part(title));
        let title = self.paint.bold(&format!("── {title}"));
        self.say("");
        self.say(&title);
    }

    /// Shows one event in the grammar of all demos, and records it.
    #[track_caller]
    pub fn show(&mut self, line: Line) {
        let shown_at = Location::caller();
        self.record(|heap| heap.line(&line, shown_at));
        let text = line.render(self.options.addresses, self.paint);
        self.say(&text);
    }

    /// Adds to the recording what no line says; does nothing unless the run is to be drawn. See [`record`](super::record).
    pub fn record(&mut self, add: impl FnOnce(&mut Recording)) {
        if let Some(recording) = &mut self.recording {
            add(recording);
        }
    }

    /// Shows what happened to a block or a region: the line that has all parts.
    #[track_caller]
    pub fn event(
        &mut self,
        symbol: Symbol,
        verb: &'static str,
        size: usize,
        place: Place,
        note: impl Into<String>,
    ) {
        self.show(Line::new(symbol, verb).bytes(size).at(place).note(note));
    }

    /// Draws bytes row by row; `from` is the place of the first.
    #[track_caller]
    pub fn picture(&mut self, from: Place, bytes: &[u8], row: usize) {
        self.show(
            Line::new(Symbol::Picture, "dump")
                .bytes(bytes.len())
                .at(from),
        );
        for (index, bytes) in bytes.chunks(row.clamp(1, ROW)).enumerate() {
            let offset = from.offset + index * row;
            self.say(&format!("   {offset:>5}  {}", printable(bytes)));
        }
    }

    /// Keeps a measured value that the chapter does not fix.
    pub fn note(&mut self, name: &str, seen: impl Into<Value>) {
        self.facts.note(name, seen);
    }

    /// Keeps a measured value and compares it with what the chapter says.
    pub fn expect<T: PartialEq + Debug + Into<Value>>(&mut self, name: &str, expected: T, seen: T) {
        self.facts.compare(name, &expected, &seen);
        self.facts.note(name, seen);
    }

    /// Reveals the answer as it was measured in this run.
    pub fn reveal(&mut self, measured: &str) {
        let question = &self.demo.question;
        let right = question.answers[question.right];
        self.facts.compare("answer", &right, &measured);
        self.answer = Some(measured.to_owned());
        let verdict = match self.guess {
            Some(guess) if question.answers[guess] == measured => " You said so.".to_owned(),
            Some(guess) => format!(" You said {}.", Question::letter(guess)),
            None => String::new(),
        };
        let position = question
            .answers
            .iter()
            .position(|answer| *answer == measured);
        let letter = position.map_or('?', Question::letter);
        let text = self.paint.bold(&format!("Answer: {letter}) {measured}."));
        self.say("");
        self.say(&format!("🎯 {text}{verdict}"));
        if right == measured {
            self.paragraph(question.why);
        }
    }

    /// True if the reader asked for raw addresses.
    #[must_use]
    pub fn wants_addresses(&self) -> bool {
        self.options.addresses
    }

    fn open(&mut self) {
        let demo = self.demo;
        self.say(&self.paint.bold(&format!("{}  {}", demo.number, demo.title)));
        self.say("");
        for line in demo.question.lines() {
            self.say(&line);
        }
        if !self.options.predict {
            return;
        }
        if io::stdin().is_terminal() && io::stdout().is_terminal() {
            self.guess = demo
                .question
                .ask(|text| self.out.write(text), &mut io::stdin().lock());
        } else {
            out::note("--predict needs a terminal: the question is answered in the text");
        }
    }

    fn close(mut self, told: Result<(), Trouble>) -> ExitCode {
        if told.is_ok() && self.answer.is_none() {
            self.facts.compare("question answered", &true, &false);
        }
        // A story that broke off is drawn too, as far as it came.
        let drawn = self.draw();
        let trouble = told.and(drawn).err().map(|trouble| trouble.to_string());
        let good = trouble.is_none() && self.facts.differs().is_empty();
        if self.options.json {
            self.print_facts(trouble.as_deref());
        } else if good {
            let next = format!("Next: {}", self.demo.next);
            self.say("");
            self.say(&next);
            self.remember();
        }
        self.complain(trouble.as_deref());
        match self.out.take_failure() {
            Some(error) => {
                out::note(&format!("❌ the output was lost: {error}"));
                ExitCode::FAILURE
            }
            None if good => ExitCode::SUCCESS,
            None => ExitCode::FAILURE,
        }
    }

    /// Writes the pictures that were asked for.
    fn draw(&mut self) -> Result<(), Trouble> {
        let Some(recording) = self.recording.take() else {
            return Ok(());
        };
        let trace = recording.trace();
        let history = History::of(trace).map_err(|(event, why)| {
            Trouble::new(format!("event {event} of the recording: {why}"))
        })?;
        let moment = picture::best_moment(&history);
        let Options { html, svg, .. } = &self.options;
        write_picture(html.as_deref(), |file| html::write(trace, file))?;
        write_picture(svg.as_deref(), |file| svg::write(trace, moment, file))
    }

    /// Tells a person what differed or what went wrong.
    fn complain(&self, trouble: Option<&str>) {
        let number = self.demo.number;
        for differs in self.facts.differs() {
            out::note(&format!(
                "❌ demo {number} differs from its chapter: {differs}"
            ));
        }
        if let Some(trouble) = trouble {
            out::note(&format!("❌ demo {number} could not go on: {trouble}"));
        }
    }

    fn print_facts(&mut self, trouble: Option<&str>) {
        let question = &self.demo.question;
        let object = json!({
            "demo": self.demo.number,
            "binary": self.demo.binary,
            "title": self.demo.title,
            "question": question.text,
            "answers": question.answers,
            "answer": self.answer,
            "facts": self.facts.measured(),
            "differs": self.facts.differs(),
            "trouble": trouble,
            "as_the_chapter_says": trouble.is_none() && self.facts.differs().is_empty(),
        });
        self.out.line(&object.to_string());
    }

    /// Adds this demo to the reader's progress.
    fn remember(&self) {
        let right = self.demo.question.right;
        let guess = self.guess.map(|guess| Guess {
            letter: Question::letter(guess),
            right: guess == right,
        });
        let mut progress = Progress::load();
        progress.finish(self.demo.number, guess);
        progress.save();
        if let Some(note) = progress.take_note().filter(|_| !self.options.in_tour) {
            out::note(&note);
        }
    }
}

fn write_picture(
    path: Option<&Path>,
    write: impl FnOnce(BufWriter<File>) -> Result<(), DrawError>,
) -> Result<(), Trouble> {
    let Some(path) = path else {
        return Ok(());
    };
    let doing = format!("writing {}", path.display());
    let file = File::create(path).during(&doing)?;
    write(BufWriter::new(file)).during(&doing)
}
