//! Two functions of one signature, read from one text or two.

use crate::facts::Facts;
use crate::ir::Function;
use crate::parse;
use crate::refusal::Refusal;

/// A source and a target: the question is whether the target may stand for the source.
#[derive(Debug, Clone)]
pub struct Pair {
    pub(crate) source: Function,
    pub(crate) target: Function,
    pub(crate) facts: Facts,
    pub(crate) files: [String; 2],
}

impl Pair {
    /// Reads a text that defines `@src` and `@tgt`. The name of the text is for messages.
    ///
    /// # Errors
    ///
    /// [`Refusal`] names the line and the token that is not understood.
    pub fn from_text(name: &str, text: &str) -> Result<Self, Refusal> {
        let module = parse::module(text).map_err(|refusal| refusal.in_file(name))?;
        let mut found = [None, None];
        for (known, function) in module.functions {
            let place = match known.as_str() {
                "src" => 0,
                "tgt" => 1,
                _ => {
                    let said = "a text of a pair defines @src and @tgt, and no other function";
                    return Err(
                        Refusal::new(function.line, format!("@{known}"), said).in_file(name)
                    );
                }
            };
            found[place] = Some(function);
        }
        match found {
            [Some(source), Some(target)] => Self::new(source, target, [name, name]),
            [source, _] => {
                let missing = if source.is_none() { "@src" } else { "@tgt" };
                let line = text.lines().count().max(1);
                Err(
                    Refusal::new(line, missing, "not defined up to the end of the text")
                        .in_file(name),
                )
            }
        }
    }

    /// Reads two texts, of which the first defines the source and the second the target: `@src` and `@tgt`, or one
    /// function each, of any name.
    ///
    /// # Errors
    ///
    /// [`Refusal`] names the line and the token that is not understood.
    pub fn from_texts(source: (&str, &str), target: (&str, &str)) -> Result<Self, Refusal> {
        let one = only(source, "src")?;
        let other = only(target, "tgt")?;
        Self::new(one, other, [source.0, target.0])
    }

    fn new(source: Function, target: Function, files: [&str; 2]) -> Result<Self, Refusal> {
        let types = |function: &Function| -> Vec<_> {
            function
                .parameters
                .iter()
                .map(|parameter| parameter.of.clone())
                .collect()
        };
        if source.returns != target.returns || types(&source) != types(&target) {
            let said = format!(
                "source and target differ in what they take or return: {} and {}",
                signature(&source),
                signature(&target)
            );
            return Err(Refusal::new(target.line, "define", said).in_file(files[1]));
        }
        let facts = Facts::of(&source, &target).map_err(|refusal| refusal.in_file(files[1]))?;
        Ok(Self {
            source,
            target,
            facts,
            files: files.map(str::to_owned),
        })
    }
}

fn signature(function: &Function) -> String {
    let types: Vec<_> = function
        .parameters
        .iter()
        .map(|p| p.of.to_string())
        .collect();
    format!("{}({})", function.returns, types.join(", "))
}

fn only((name, text): (&str, &str), wanted: &str) -> Result<Function, Refusal> {
    let module = parse::module(text).map_err(|refusal| refusal.in_file(name))?;
    let mut functions = module.functions;
    if functions.len() == 1 {
        return Ok(functions.remove(0).1);
    }
    let said = format!(
        "the text defines {} functions, where one was expected",
        functions.len()
    );
    let extra = functions.iter().find(|(known, _)| known != wanted);
    let (line, token) = match extra {
        Some((known, function)) => (function.line, format!("@{known}")),
        None => (text.lines().count().max(1), format!("@{wanted}")),
    };
    Err(Refusal::new(line, token, said).in_file(name))
}
