//! The pictures in the chapters on tagheap: each heap that a transcript shows in a line, as a strip.
//!
//! They are made of the transcripts alone, which other tests hold to what the demos print.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// The demos that have one.
const DRAWN: [&str; 5] = ["23", "24", "25", "26", "27"];

/// Dwords of a header.
const HEADER: u32 = 6;

/// A free block of more dwords is drawn torn, as wide as the others leave it room: every strip is as
/// wide as the next, as the heap is as large.
const TORN_FROM: u32 = 200;

/// Pixels: of the picture, of its margins, of a torn payload at least, of a dword at most, of a strip's height.
const WIDTH: f64 = 960.0;
const MARGIN: f64 = 16.0;
const TORN: f64 = 120.0;
const DWORD: f64 = 8.0;
const STRIP: f64 = 26.0;

/// What blocks of a tag are filled with, in the order in which the tags appear.
const COLOURS: [&str; 6] = [
    "#3f8537", "#95608a", "#2f8680", "#8b6246", "#4f6fc4", "#6a7f2a",
];

const STYLE: &str = "<style>
svg { background: #fbfaf7; font: 12px system-ui, sans-serif; }
text { fill: #1d2330; } .faint { fill: #6b7280; } .on { fill: #fff; } .bold { font-weight: 600; }
.header { fill: #8b8778; } .free { fill: #dedbd1; }
@media (prefers-color-scheme: dark) {
  svg { background: #14171d; } text { fill: #e8e6df; } .faint { fill: #9aa3b2; }
  .header { fill: #7c8392; } .free { fill: #2f3643; }
}
</style>
";

struct Block {
    /// The tag, or `FREE`.
    name: String,
    /// Of payload.
    dwords: u32,
}

impl Block {
    fn is_free(&self) -> bool {
        self.name == "FREE"
    }

    fn is_torn(&self) -> bool {
        self.dwords > TORN_FROM
    }
}

enum Line {
    /// A heading, with the blocks of nothing below it.
    Section(String),
    /// What was done.
    Says(String),
    Heap(Vec<Block>),
}

/// Read `FIRST [1001 4dw] [FREE 74974dw] LAST`.
fn heap(line: &str) -> Option<Vec<Block>> {
    let (_, rest) = line.split_once("FIRST [")?;
    let (blocks, _) = rest.split_once("] LAST")?;
    let block = |text: &str| {
        let (name, dwords) = text.split_once(' ').expect("a name and a size");
        Block {
            name: name.to_owned(),
            dwords: dwords
                .trim_end_matches("dw")
                .parse()
                .expect("a number of dwords"),
        }
    };
    Some(blocks.split("] [").map(block).collect())
}

/// The sections that show a heap, up to the last one that each shows.
fn story(transcript: &str) -> Vec<Line> {
    let mut story: Vec<Line> = Vec::new();
    for section in transcript.split("\n── ").skip(1) {
        let mut lines = section.lines();
        let title = lines.next().unwrap_or_default().to_owned();
        let mut said = vec![Line::Section(title)];
        for line in lines.take_while(|line| !line.starts_with("🎯 Answer")) {
            let words = line.trim_start_matches(|letter: char| !letter.is_alphanumeric());
            match heap(words) {
                Some(blocks) => {
                    story.append(&mut said);
                    story.push(Line::Heap(blocks));
                }
                None if words.is_empty() => {}
                None => {
                    let words: Vec<_> = words.split_whitespace().collect();
                    said.push(Line::Says(words.join(" ")));
                }
            }
        }
    }
    story
}

struct Strips {
    svg: String,
    y: f64,
    /// Pixels of a dword.
    scale: f64,
    tags: Vec<String>,
}

impl Strips {
    fn draw(title: &str, story: &[Line]) -> String {
        let heaps = story.iter().filter_map(|line| match line {
            Line::Heap(blocks) => Some(blocks),
            _ => None,
        });
        let scale = heaps.map(|blocks| scale(blocks)).fold(DWORD, f64::min);
        let mut strips = Self {
            svg: String::new(),
            y: 24.0,
            scale,
            tags: Vec::new(),
        };
        strips.text(MARGIN, title, "bold");
        for line in story {
            match line {
                Line::Section(title) => {
                    strips.y += 34.0;
                    strips.text(MARGIN, title, "bold");
                }
                Line::Says(words) => {
                    strips.y += 18.0;
                    strips.text(MARGIN, words, "faint");
                }
                Line::Heap(blocks) => strips.heap(blocks),
            }
        }
        let height = strips.y + MARGIN;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\">\n<title>{}</title>\n{STYLE}{}</svg>\n",
            escaped(title),
            strips.svg
        )
    }

    fn heap(&mut self, blocks: &[Block]) {
        self.y += 10.0;
        let torn = room_for_torn(blocks, self.scale);
        let (mut x, mut at) = (MARGIN, 0);
        for block in blocks {
            let width = self.block(x, block, torn);
            self.label(x, at, block);
            x += width + 1.0;
            at += (HEADER + block.dwords) * 4;
        }
        let last = f64::from(HEADER) * self.scale;
        self.rect(x, last, "class=\"header\"");
        self.y += STRIP + 14.0;
        self.text(x, "LAST", "faint");
        self.y += 30.0;
    }

    /// Draw a block, and say how wide it is.
    fn block(&mut self, x: f64, block: &Block, torn: f64) -> f64 {
        let header = f64::from(HEADER) * self.scale;
        self.rect(x, header, "class=\"header\"");
        let x = x + header;
        let payload = if block.is_torn() {
            torn
        } else {
            f64::from(block.dwords) * self.scale
        };
        if block.is_torn() {
            self.torn(x, torn);
        } else if block.is_free() {
            self.rect(x, payload, "class=\"free\"");
        } else {
            let colour = self.colour(&block.name);
            self.rect(x, payload, &format!("style=\"fill:{colour}\""));
        }
        header + payload
    }

    /// What a block is, below it, and where it begins.
    fn label(&mut self, x: f64, at: u32, block: &Block) {
        let Block { name, dwords } = block;
        let is_number = name.starts_with(|letter: char| letter.is_ascii_digit());
        let what = if is_number { "tag " } else { "" };
        let lines = [
            (format!("{what}{name}"), ""),
            (format!("{dwords}dw"), "faint"),
            (format!("+{at}"), "faint"),
        ];
        let y = self.y;
        self.y += STRIP;
        for (words, class) in lines {
            self.y += 14.0;
            self.text(x, &words, class);
        }
        self.y = y;
    }

    fn colour(&mut self, name: &str) -> &'static str {
        let known = self.tags.iter().position(|tag| tag == name);
        let place = known.unwrap_or_else(|| {
            self.tags.push(name.to_owned());
            self.tags.len() - 1
        });
        COLOURS[place % COLOURS.len()]
    }

    fn rect(&mut self, x: f64, width: f64, look: &str) {
        let y = self.y;
        let _ = writeln!(
            self.svg,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{STRIP}\" {look}/>"
        );
    }

    /// A free block with a piece left out of its middle.
    fn torn(&mut self, x: f64, width: f64) {
        let (top, bottom) = (self.y, self.y + STRIP);
        let middle = x + width / 2.0;
        for (from, above, below) in [
            (x, middle, middle - 6.0),
            (x + width, middle + 8.0, middle + 2.0),
        ] {
            let _ = writeln!(
                self.svg,
                "<path d=\"M{from:.1} {top:.1}H{above:.1}L{below:.1} {bottom:.1}H{from:.1}Z\" class=\"free\"/>"
            );
        }
    }

    fn text(&mut self, x: f64, words: &str, class: &str) {
        let y = self.y;
        let _ = writeln!(
            self.svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>",
            escaped(words)
        );
    }
}

/// Pixels of a dword with which these blocks fill the picture.
fn scale(blocks: &[Block]) -> f64 {
    let torn = blocks.iter().filter(|block| block.is_torn()).count() as f64;
    (room(blocks) - torn * TORN) / whole(blocks)
}

/// Pixels that the whole ones leave for the payload of each torn one.
fn room_for_torn(blocks: &[Block], scale: f64) -> f64 {
    let torn = blocks.iter().filter(|block| block.is_torn()).count() as f64;
    (room(blocks) - scale * whole(blocks)) / torn
}

/// Pixels for blocks, and a line between each two.
fn room(blocks: &[Block]) -> f64 {
    WIDTH - 2.0 * MARGIN - blocks.len() as f64
}

/// Dwords that are drawn as wide as they are: all but the payloads of torn blocks.
fn whole(blocks: &[Block]) -> f64 {
    let whole = blocks.iter().filter(|block| !block.is_torn());
    let payloads: u32 = whole.map(|block| block.dwords).sum();
    f64::from(payloads + HEADER * (blocks.len() as u32 + 1))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn transcript(number: &str) -> String {
    let path = format!("{}/expected/{number}.txt", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(path).expect("a transcript")
}

#[test]
fn the_chapters_on_tagheap_show_their_transcripts_heaps() {
    for number in DRAWN {
        let transcript = transcript(number);
        let title = transcript.lines().next().unwrap_or_default();
        let drawn = Strips::draw(title, &story(&transcript));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/pictures");
        let path = folder.join(format!("{number}.svg"));
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&path, &drawn).expect("the picture is written");
        }
        let committed = fs::read_to_string(&path).expect("a picture");
        assert!(
            drawn == committed,
            "{number}.svg is stale: UPDATE_EXPECTED=1 cargo test -p demos --test strips"
        );
    }
}

#[test]
fn a_strip_for_each_heap_of_a_transcript_that_is_drawn() {
    for number in DRAWN {
        let transcript = transcript(number);
        let shown = transcript.matches("FIRST [").count();
        let story = story(&transcript);
        let drawn = story.iter().filter(|line| matches!(line, Line::Heap(_)));
        assert_eq!(drawn.count(), shown, "{number}");
        assert!(shown > 1, "{number} shows a heap that changes");
        for line in &story {
            let Line::Heap(blocks) = line else { continue };
            let dwords: u32 = blocks.iter().map(|block| HEADER + block.dwords).sum();
            assert_eq!(dwords + HEADER, 75_000, "{number}: blocks tile the heap");
        }
    }
}
