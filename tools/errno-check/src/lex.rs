//! Words and marks of LLVM's textual IR, each with its line.

use crate::refusal::Refusal;
use std::iter::Peekable;
use std::str::Chars;

/// One word or mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A keyword, a type, an instruction, a label before its colon.
    Word(String),
    /// `%name`.
    Local(String),
    /// `@name`.
    Global(String),
    /// A whole number as it is written.
    Number(String),
    /// `"text"`.
    Text(String),
    /// `#4`.
    Group(String),
    /// `#dbg_value` and its like.
    Record(String),
    /// `!name`, or `!` alone before a brace.
    Metadata(String),
    /// One of `( ) { } [ ] < > , = : *` or `...`.
    Mark(&'static str),
    /// The end of the text.
    End,
}

impl Token {
    /// The token as it is written.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Word(name) | Self::Number(name) => name.clone(),
            Self::Local(name) => format!("%{name}"),
            Self::Global(name) => format!("@{name}"),
            Self::Text(text) => format!("{text:?}"),
            Self::Group(name) | Self::Record(name) => format!("#{name}"),
            Self::Metadata(name) => format!("!{name}"),
            Self::Mark(mark) => (*mark).to_owned(),
            Self::End => "end of text".to_owned(),
        }
    }
}

const MARKS: [&str; 12] = ["(", ")", "{", "}", "[", "]", "<", ">", ",", "=", ":", "*"];

/// Cuts a text into tokens. Comments are dropped; the last token is [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Refusal> {
    let mut lexer = Lexer {
        rest: text.chars().peekable(),
        line: 1,
        out: Vec::new(),
    };
    while lexer.one()? {}
    lexer.push(Token::End);
    Ok(lexer.out)
}

struct Lexer<'a> {
    rest: Peekable<Chars<'a>>,
    line: usize,
    out: Vec<(Token, usize)>,
}

fn in_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$' | '-')
}

impl Lexer<'_> {
    fn push(&mut self, token: Token) {
        self.out.push((token, self.line));
    }

    fn one(&mut self) -> Result<bool, Refusal> {
        let Some(c) = self.rest.next() else {
            return Ok(false);
        };
        match c {
            '\n' => self.line += 1,
            ' ' | '\t' | '\r' => {}
            ';' => while self.rest.next_if(|&c| c != '\n').is_some() {},
            '%' => {
                let name = self.name(c)?;
                self.push(Token::Local(name));
            }
            '@' => {
                let name = self.name(c)?;
                self.push(Token::Global(name));
            }
            '"' => {
                let text = self.quoted()?;
                self.push(Token::Text(text));
            }
            '#' => {
                let name = self.name(c)?;
                self.push(if name.bytes().all(|b| b.is_ascii_digit()) {
                    Token::Group(name)
                } else {
                    Token::Record(name)
                });
            }
            '!' => {
                let name = self.run(String::new());
                self.push(Token::Metadata(name));
            }
            '.' => self.dots()?,
            '-' | '0'..='9' => self.number(c)?,
            _ if in_name(c) => {
                let word = self.run(c.to_string());
                self.push(Token::Word(word));
            }
            _ => self.mark(c)?,
        }
        Ok(true)
    }

    fn run(&mut self, mut name: String) -> String {
        while let Some(c) = self.rest.next_if(|&c| in_name(c)) {
            name.push(c);
        }
        name
    }

    fn name(&mut self, sigil: char) -> Result<String, Refusal> {
        let name = if self.rest.next_if_eq(&'"').is_some() {
            self.quoted()?
        } else {
            self.run(String::new())
        };
        if name.is_empty() {
            return Err(Refusal::new(self.line, sigil, "a name must follow"));
        }
        Ok(name)
    }

    fn quoted(&mut self) -> Result<String, Refusal> {
        let mut text = String::new();
        loop {
            match self.rest.next() {
                Some('"') => return Ok(text),
                Some('\\') => {
                    let said = "escapes in quoted names are not in the subset";
                    return Err(Refusal::new(self.line, "\\", said));
                }
                Some(c) if c != '\n' => text.push(c),
                _ => return Err(Refusal::new(self.line, "\"", "the quote is not closed")),
            }
        }
    }

    /// A number; a label may begin with digits, and is a word then.
    fn number(&mut self, first: char) -> Result<(), Refusal> {
        let text = self.run(first.to_string());
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let numeric = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if numeric {
            self.push(Token::Number(text));
            Ok(())
        } else {
            let said = "only whole decimal numbers are in the subset";
            Err(Refusal::new(self.line, text, said))
        }
    }

    fn dots(&mut self) -> Result<(), Refusal> {
        for _ in 0..2 {
            if self.rest.next_if_eq(&'.').is_none() {
                return Err(Refusal::new(self.line, ".", "no token starts with a dot"));
            }
        }
        self.push(Token::Mark("..."));
        Ok(())
    }

    fn mark(&mut self, c: char) -> Result<(), Refusal> {
        let found = MARKS.into_iter().find(|mark| mark.starts_with(c));
        let mark = found.ok_or_else(|| Refusal::new(self.line, c, "no such token"))?;
        self.push(Token::Mark(mark));
        Ok(())
    }
}
