//! Small random programs, and their text in LLVM's IR.

use errno_check::Semantics;
use std::fmt::Write;

/// A generator that gives the same pairs everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`: xorshift64*, the high bits.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }
}

/// A number: a constant, the argument, or what a register holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Constant(u64),
    Argument,
    Register(usize),
}

/// A size in bytes, or the argument n.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Size {
    Bytes(u64),
    Argument,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Allocator {
    Malloc,
    Calloc,
    PosixMemalign,
}

/// An operation; results are numbered through, whatever their type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Op {
    LoadErrno(usize),
    StoreErrno(Number),
    /// Of the pointer argument with this index.
    Load(usize, usize),
    Store(usize, Number),
    Allocate(Allocator, Size, usize),
    Realloc(usize, usize),
    Free(usize),
    IsNull(usize, usize),
    Equal(Number, Number, usize),
    Pick(usize, Number, Number, usize),
    Poke(usize, Number),
    Peek(usize, usize),
    /// If this flag: these, and then the first number, else the second one.
    If(usize, Vec<Op>, Number, Number, usize),
}

/// What of the arguments there is, and the operations.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    pub(crate) pointers: usize,
    pub(crate) noalias: bool,
    pub(crate) null: bool,
    pub(crate) ops: Vec<Op>,
    /// The pointer and the number that are returned.
    pub(crate) pointer: Option<usize>,
    pub(crate) number: Number,
}

type Gene = [u64; 4];

fn gene(random: &mut Random) -> Gene {
    [
        random.below(16),
        random.below(1 << 20),
        random.below(1 << 20),
        random.below(1 << 20),
    ]
}

impl Program {
    /// A program and another that is near it.
    pub(crate) fn pair(random: &mut Random, semantics: Semantics) -> (Self, Self) {
        let len = 1 + random.below(6) as usize;
        let mut source: Vec<Gene> = (0..len).map(|_| gene(random)).collect();
        let mut shape = Shape {
            pointers: [0, 0, 0, 1, 1, 1, 1, 2][random.below(8) as usize],
            noalias: [random.below(4) == 0, false],
            null: random.below(4) == 0,
            // Each call more multiplies the cases of the plain evaluator.
            calls: match semantics {
                Semantics::IsoC | Semantics::FreshUnquantified => {
                    1 + (random.below(8) == 0) as usize
                }
                _ => 2,
            },
        };
        shape.noalias[1] = shape.noalias[0] && random.below(4) > 0 || random.below(16) == 0;
        let mut target = source.clone();
        for _ in 0..1 + random.below(2) {
            mutate(random, &mut target);
        }
        if random.below(2) == 0 {
            std::mem::swap(&mut source, &mut target);
        }
        (shape.decode(&source, 0), shape.decode(&target, 1))
    }
}

fn mutate(random: &mut Random, genes: &mut Vec<Gene>) {
    let at = random.below(genes.len() as u64 + 1) as usize;
    match random.below(5) {
        0 | 1 if at < genes.len() && genes.len() > 1 => {
            genes.remove(at);
        }
        2 if at + 1 < genes.len() => genes.swap(at, at + 1),
        3 if at < genes.len() => genes[at][1 + random.below(3) as usize] = random.below(1 << 20),
        _ => genes.insert(at, gene(random)),
    }
}

struct Shape {
    pointers: usize,
    noalias: [bool; 2],
    null: bool,
    calls: usize,
}

/// What can be read at a place.
#[derive(Clone)]
struct Scope {
    numbers: Vec<Number>,
    pointers: Vec<usize>,
    flags: Vec<usize>,
}

struct Decoder<'a> {
    shape: &'a Shape,
    next: usize,
    calls: usize,
}

impl Shape {
    fn decode(&self, genes: &[Gene], side: usize) -> Program {
        let mut decoder = Decoder {
            shape: self,
            next: 0,
            calls: 0,
        };
        let mut scope = Scope {
            numbers: vec![
                Number::Constant(0),
                Number::Constant(12),
                Number::Constant(5),
                Number::Argument,
            ],
            pointers: Vec::new(),
            flags: Vec::new(),
        };
        let ops = decoder.all(genes, &mut scope);
        Program {
            pointers: self.pointers,
            noalias: self.noalias[side],
            null: self.null,
            ops,
            pointer: scope
                .pointers
                .last()
                .copied()
                .filter(|_| !genes[0][1].is_multiple_of(3)),
            number: *scope.numbers.last().expect("there are constants"),
        }
    }
}

impl Decoder<'_> {
    fn result(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    fn all(&mut self, genes: &[Gene], scope: &mut Scope) -> Vec<Op> {
        let mut ops = Vec::new();
        let mut at = 0;
        while at < genes.len() {
            let gene = genes[at];
            at += 1;
            if gene[0] == 15 && !scope.flags.is_empty() {
                let end = genes.len().min(at + 2);
                ops.push(self.branch(gene, &genes[at..end], scope));
                at = end;
            } else {
                ops.extend(self.one(gene, scope));
            }
        }
        ops
    }

    fn branch(&mut self, gene: Gene, genes: &[Gene], scope: &mut Scope) -> Op {
        let flag = pick(&scope.flags, gene[1]);
        let mut inner = scope.clone();
        let then = self.all(genes, &mut inner);
        let yes = *inner.numbers.last().expect("there are constants");
        let no = pick(&scope.numbers, gene[2]);
        let result = self.result();
        scope.numbers.push(Number::Register(result));
        Op::If(flag, then, yes, no, result)
    }

    fn one(&mut self, gene: Gene, scope: &mut Scope) -> Option<Op> {
        let number = |scope: &Scope, index: usize| pick(&scope.numbers, gene[index]);
        let place = (gene[1] % self.shape.pointers.max(1) as u64) as usize;
        let (there, block) = (self.shape.pointers > 0, !scope.pointers.is_empty());
        Some(match gene[0] {
            0 | 1 => {
                let to = self.result();
                scope.numbers.push(Number::Register(to));
                Op::LoadErrno(to)
            }
            2 | 3 => Op::StoreErrno(number(scope, 1)),
            4 if there => {
                let to = self.result();
                scope.numbers.push(Number::Register(to));
                Op::Load(place, to)
            }
            5 if there => Op::Store(place, number(scope, 2)),
            6..=8 if self.calls < self.shape.calls => self.allocate(gene, scope),
            9 if block && self.calls < self.shape.calls => {
                self.calls += 1;
                let to = self.result();
                let old = pick(&scope.pointers, gene[1]);
                scope.pointers.push(to);
                Op::Realloc(old, to)
            }
            10 if block => Op::Free(pick(&scope.pointers, gene[1])),
            11 if block => {
                let to = self.result();
                scope.flags.push(to);
                Op::IsNull(pick(&scope.pointers, gene[1]), to)
            }
            12 => {
                let to = self.result();
                scope.flags.push(to);
                Op::Equal(number(scope, 1), number(scope, 2), to)
            }
            13 if !scope.flags.is_empty() => {
                let to = self.result();
                let op = Op::Pick(
                    pick(&scope.flags, gene[1]),
                    number(scope, 2),
                    number(scope, 3),
                    to,
                );
                scope.numbers.push(Number::Register(to));
                op
            }
            14 if block => Op::Poke(pick(&scope.pointers, gene[1]), number(scope, 2)),
            15 if block => {
                let to = self.result();
                let from = pick(&scope.pointers, gene[1]);
                scope.numbers.push(Number::Register(to));
                Op::Peek(from, to)
            }
            _ => return None,
        })
    }

    fn allocate(&mut self, gene: Gene, scope: &mut Scope) -> Op {
        self.calls += 1;
        let to = self.result();
        scope.pointers.push(to);
        let how = match gene[1] % 5 {
            0..=2 => Allocator::Malloc,
            3 => Allocator::Calloc,
            _ => Allocator::PosixMemalign,
        };
        let size = match gene[2] % 6 {
            0..=3 => Size::Bytes(8),
            4 => Size::Bytes(1 << 62),
            _ => Size::Argument,
        };
        Op::Allocate(how, size, to)
    }
}

fn pick<T: Copy>(from: &[T], gene: u64) -> T {
    from[(gene % from.len() as u64) as usize]
}

/// Both programs as one text.
pub(crate) fn text(source: &Program, target: &Program) -> String {
    let mut text = String::from(
        "declare ptr @malloc(i64)\ndeclare ptr @calloc(i64, i64)\ndeclare ptr @realloc(ptr, i64)\n\
         declare void @free(ptr)\ndeclare i32 @posix_memalign(ptr, i64, i64)\ndeclare ptr @__errno_location()\n",
    );
    for (name, program) in [("src", source), ("tgt", target)] {
        let mut writer = Writer {
            text: &mut text,
            labels: 0,
            block: "0".to_owned(),
        };
        writer.function(name, program);
    }
    text
}

struct Writer<'a> {
    text: &'a mut String,
    labels: usize,
    block: String,
}

fn number(number: Number) -> String {
    match number {
        Number::Constant(value) => value.to_string(),
        Number::Argument => "%x".to_owned(),
        Number::Register(register) => format!("%r{register}"),
    }
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        writeln!(self.text, "  {line}").expect("memory");
    }

    fn function(&mut self, name: &str, program: &Program) {
        let promises = match (program.null, program.noalias) {
            (true, false) => "noundef align 4",
            (true, true) => "noalias noundef align 4",
            (false, false) => "noundef align 4 dereferenceable(4)",
            (false, true) => "noalias noundef align 4 dereferenceable(4)",
        };
        let mut parameters = String::from("i32 noundef %x, i64 noundef %n");
        for index in 0..program.pointers {
            let promises = if index == 0 {
                promises
            } else {
                &promises.replace("noalias ", "")
            };
            write!(parameters, ", ptr {promises} %p{index}").expect("memory");
        }
        writeln!(
            self.text,
            "\ndefine {{ ptr, i32 }} @{name}({parameters}) {{"
        )
        .expect("memory");
        self.line("%e = call ptr @__errno_location()");
        self.line("%slot = alloca ptr");
        for op in &program.ops {
            self.op(op);
        }
        let pointer = program
            .pointer
            .map_or("null".to_owned(), |register| format!("%r{register}"));
        self.line(&format!(
            "%a = insertvalue {{ ptr, i32 }} poison, ptr {pointer}, 0"
        ));
        self.line(&format!(
            "%b = insertvalue {{ ptr, i32 }} %a, i32 {}, 1",
            number(program.number)
        ));
        self.line("ret { ptr, i32 } %b");
        self.text.push_str("}\n");
    }

    fn op(&mut self, op: &Op) {
        let line = match op {
            Op::LoadErrno(to) => format!("%r{to} = load i32, ptr %e"),
            Op::StoreErrno(value) => format!("store i32 {}, ptr %e", number(*value)),
            Op::Load(place, to) => format!("%r{to} = load i32, ptr %p{place}"),
            Op::Store(place, value) => format!("store i32 {}, ptr %p{place}", number(*value)),
            Op::Allocate(how, size, to) => return self.allocate(*how, *size, *to),
            Op::Realloc(old, to) => format!("%r{to} = call ptr @realloc(ptr %r{old}, i64 16)"),
            Op::Free(block) => format!("call void @free(ptr %r{block})"),
            Op::IsNull(block, to) => format!("%r{to} = icmp eq ptr %r{block}, null"),
            Op::Equal(a, b, to) => format!("%r{to} = icmp eq i32 {}, {}", number(*a), number(*b)),
            Op::Pick(flag, a, b, to) => {
                format!(
                    "%r{to} = select i1 %r{flag}, i32 {}, i32 {}",
                    number(*a),
                    number(*b)
                )
            }
            Op::Poke(block, value) => format!("store i32 {}, ptr %r{block}", number(*value)),
            Op::Peek(block, to) => format!("%r{to} = load i32, ptr %r{block}"),
            Op::If(flag, then, yes, no, to) => return self.branch(*flag, then, (*yes, *no), *to),
        };
        self.line(&line);
    }

    fn allocate(&mut self, how: Allocator, size: Size, to: usize) {
        let size = match size {
            Size::Bytes(bytes) => bytes.to_string(),
            Size::Argument => "%n".to_owned(),
        };
        match how {
            Allocator::Malloc => self.line(&format!("%r{to} = call ptr @malloc(i64 {size})")),
            Allocator::Calloc => {
                self.line(&format!("%r{to} = call ptr @calloc(i64 1, i64 {size})"))
            }
            Allocator::PosixMemalign => {
                self.line("store ptr null, ptr %slot");
                self.line(&format!(
                    "%c{to} = call i32 @posix_memalign(ptr %slot, i64 16, i64 {size})"
                ));
                self.line(&format!("%r{to} = load ptr, ptr %slot"));
            }
        }
    }

    fn branch(&mut self, flag: usize, then: &[Op], (yes, no): (Number, Number), to: usize) {
        let label = self.labels;
        self.labels += 1;
        let before = self.block.clone();
        self.line(&format!(
            "br i1 %r{flag}, label %then{label}, label %join{label}"
        ));
        writeln!(self.text, "then{label}:").expect("memory");
        self.block = format!("then{label}");
        for op in then {
            self.op(op);
        }
        self.line(&format!("br label %join{label}"));
        let after = std::mem::replace(&mut self.block, format!("join{label}"));
        writeln!(self.text, "join{label}:").expect("memory");
        let (yes, no) = (number(yes), number(no));
        self.line(&format!(
            "%r{to} = phi i32 [ {yes}, %{after} ], [ {no}, %{before} ]"
        ));
    }
}
