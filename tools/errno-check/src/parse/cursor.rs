//! A place in the tokens of a text.

use crate::lex::{self, Token};
use crate::refusal::Refusal;
use std::collections::HashMap;

/// The tokens, where the reader stands, and where each attribute group begins.
pub(super) struct Cursor {
    tokens: Vec<(Token, usize)>,
    at: usize,
    groups: HashMap<String, usize>,
}

impl Cursor {
    pub(super) fn new(text: &str) -> Result<Self, Refusal> {
        let mut cursor = Self {
            tokens: lex::tokens(text)?,
            at: 0,
            groups: HashMap::new(),
        };
        cursor.find_groups();
        Ok(cursor)
    }

    /// Groups stand at the end of a text and are used before it.
    fn find_groups(&mut self) {
        for (index, pair) in self.tokens.windows(4).enumerate() {
            if let [
                (Token::Word(word), _),
                (Token::Group(name), _),
                (Token::Mark("="), _),
                _,
            ] = pair
                && word == "attributes"
            {
                self.groups.insert(name.clone(), index + 4);
            }
        }
    }

    /// The place after the opening brace of a group.
    pub(super) fn group(&self, name: &str) -> Result<usize, Refusal> {
        let place = self.groups.get(name).copied();
        place.ok_or_else(|| self.refuse("no such attribute group"))
    }

    pub(super) fn place(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, place: usize) {
        self.at = place.min(self.tokens.len() - 1);
    }

    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    /// The token after the next one.
    pub(super) fn peek_second(&self) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + 1).min(last)].0
    }

    pub(super) fn line(&self) -> usize {
        self.tokens[self.at].1
    }

    /// Whether the next token stands on a later line than the one before it.
    pub(super) fn on_new_line(&self) -> bool {
        self.at == 0 || self.tokens[self.at - 1].1 < self.line()
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.tokens[self.at].0.clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// A refusal of the token that stands here.
    pub(super) fn refuse(&self, message: impl Into<String>) -> Refusal {
        Refusal::new(self.line(), self.peek().text(), message)
    }

    /// Takes this mark if it stands here.
    pub(super) fn take(&mut self, mark: &'static str) -> bool {
        let there = *self.peek() == Token::Mark(mark);
        if there {
            self.next();
        }
        there
    }

    pub(super) fn expect(&mut self, mark: &'static str) -> Result<(), Refusal> {
        if self.take(mark) {
            Ok(())
        } else {
            Err(self.refuse(format!("expected `{mark}`")))
        }
    }

    /// Takes this word if it stands here.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let there = matches!(self.peek(), Token::Word(found) if found == word);
        if there {
            self.next();
        }
        there
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), Refusal> {
        if self.take_word(word) {
            Ok(())
        } else {
            Err(self.refuse(format!("expected `{word}`")))
        }
    }

    pub(super) fn word(&mut self, wanted: &str) -> Result<String, Refusal> {
        if let Token::Word(word) = self.peek().clone() {
            self.next();
            return Ok(word);
        }
        Err(self.refuse(format!("expected {wanted}")))
    }

    pub(super) fn number(&mut self) -> Result<u64, Refusal> {
        if let Token::Number(text) = self.peek()
            && let Ok(number) = text.parse()
        {
            self.next();
            return Ok(number);
        }
        Err(self.refuse("expected a whole number below 2^64"))
    }

    /// Skips from an opening mark to the closing one that belongs to it.
    pub(super) fn skip_balanced(
        &mut self,
        open: &'static str,
        close: &'static str,
    ) -> Result<(), Refusal> {
        let begin = (self.line(), self.peek().text());
        self.expect(open)?;
        let mut depth = 1;
        while depth > 0 {
            match self.next() {
                Token::Mark(mark) if mark == open => depth += 1,
                Token::Mark(mark) if mark == close => depth -= 1,
                Token::End => {
                    return Err(Refusal::new(
                        begin.0,
                        begin.1,
                        format!("no `{close}` closes it"),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Steps over `attributes #0 = { … }`; its items are read where the group is used.
    pub(super) fn skip_group(&mut self) -> Result<(), Refusal> {
        self.next();
        if !matches!(self.peek(), Token::Group(_)) {
            return Err(self.refuse("expected the number of an attribute group"));
        }
        self.next();
        self.expect("=")?;
        self.skip_balanced("{", "}")
    }
}
