//! Reads call frame information: the `.eh_frame` of the x86-64 ABI and of DWARF 5, section 6.4.

use super::rules::word;
use super::{Found, RA, RSP, Registers};

/// Where a register of the caller is.
#[derive(Clone, Copy)]
pub enum Cell {
    /// Where it was.
    Same,
    /// Nowhere. For the return address: this is the outermost frame.
    Undefined,
    /// In memory at the frame's address plus this.
    At(i64),
    /// The frame's address plus this.
    Is(i64),
    /// A register plus this.
    Register(usize, i64),
    /// In memory at the value of the expression here.
    AtExpression(u64),
    /// The value of the expression here.
    Expression(u64),
}

/// All registers of the caller, and the frame's address.
#[derive(Clone, Copy)]
pub struct Row {
    pub cfa: Cell,
    pub cells: [Cell; 17],
}

/// The tables of one function.
pub struct Entry {
    pub function: u64,
    pub signal: bool,
    code_factor: u64,
    data_factor: i64,
    first: (u64, u64),
    second: (u64, u64),
}

/// A place in the tables.
#[derive(Clone, Copy)]
struct Reader(u64);

impl Reader {
    fn take<T: Copy>(&mut self) -> T {
        // SAFETY: the tables are mapped, and each is read within the length that it states.
        let value = unsafe { (self.0 as *const T).read_unaligned() };
        self.0 += size_of::<T>() as u64;
        value
    }

    fn unsigned(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte: u8 = self.take();
            value |= u64::from(byte & 0x7f) << (shift & 63);
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }

    fn signed(&mut self) -> i64 {
        let (mut value, mut shift) = (0_i64, 0);
        loop {
            let byte: u8 = self.take();
            value |= i64::from(byte & 0x7f) << (shift & 63);
            shift += 7;
            if byte < 0x80 {
                let sign = byte & 0x40 != 0 && shift < 64;
                return if sign { value | -1 << shift } else { value };
            }
        }
    }

    /// A pointer in one of the encodings that the header names.
    fn pointer(&mut self, encoding: u8) -> Option<u64> {
        let here = self.0;
        let value = match encoding & 0x0f {
            0x00 | 0x04 | 0x0c => self.take::<u64>(),
            0x03 => u64::from(self.take::<u32>()),
            0x0b => self.take::<i32>() as u64,
            0x02 => u64::from(self.take::<u16>()),
            0x0a => self.take::<i16>() as u64,
            0x01 => self.unsigned(),
            0x09 => self.signed() as u64,
            _ => return None,
        };
        match encoding & 0x70 {
            0x00 => Some(value),
            0x10 => Some(here.wrapping_add(value)),
            _ => None,
        }
    }
}

/// The entry of the function around an address, by the sorted table of `.eh_frame_hdr`.
pub fn entry(address: u64, found: &Found) -> Option<Entry> {
    let header = found.table;
    if header == 0 {
        return None;
    }
    let mut reader = Reader(header);
    let [version, frame, count, table]: [u8; 4] = reader.take();
    // Version 1, a 4-byte count, and pairs of 4-byte offsets from the header: what linkers write.
    if version != 1 || count != 0x03 || table != 0x3b {
        return None;
    }
    reader.pointer(frame)?;
    let rows = u64::from(reader.take::<u32>());
    let row = |index: u64| -> (u64, u64) {
        let mut reader = Reader(reader.0 + 8 * index);
        let start = header.wrapping_add_signed(i64::from(reader.take::<i32>()));
        (
            start,
            header.wrapping_add_signed(i64::from(reader.take::<i32>())),
        )
    };
    let (mut low, mut high) = (0, rows);
    while low < high {
        let middle = (low + high) / 2;
        if row(middle).0 <= address {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let (function, description) = row(low.checked_sub(1)?);
    read_entry(function, description, address)
}

/// Reads a function's entry (FDE) and the common one (CIE) that it names.
fn read_entry(function: u64, at: u64, address: u64) -> Option<Entry> {
    let mut reader = Reader(at);
    let len = u64::from(reader.take::<u32>());
    if len == 0 || len == 0xffff_ffff {
        return None;
    }
    let end = reader.0 + len;
    let here = reader.0;
    let mut common = Reader(here - u64::from(reader.take::<u32>()));
    let common_len = u64::from(common.take::<u32>());
    let common_end = common.0 + common_len;
    let _id: u32 = common.take();
    let version: u8 = common.take();
    let letters = common.0;
    while common.take::<u8>() != 0 {}
    let code_factor = common.unsigned();
    let data_factor = common.signed();
    let _return = if version == 1 {
        u64::from(common.take::<u8>())
    } else {
        common.unsigned()
    };
    let mut letters = Reader(letters);
    let (mut encoding, mut signal, mut augmented) = (0, false, false);
    loop {
        match letters.take::<u8>() {
            0 => break,
            b'z' => {
                augmented = true;
                common.unsigned();
            }
            b'R' => encoding = common.take(),
            b'P' => {
                let personality: u8 = common.take();
                common.pointer(personality & 0x0f)?;
            }
            b'L' => common.0 += 1,
            b'S' => signal = true,
            _ => return None,
        }
    }
    let start = reader.pointer(encoding)?;
    let size = reader.pointer(encoding & 0x0f)?;
    if start != function || address < start || address - start >= size {
        return None;
    }
    if augmented {
        let skip = reader.unsigned();
        reader.0 += skip;
    }
    Some(Entry {
        function,
        signal,
        code_factor,
        data_factor,
        first: (common.0, common_end),
        second: (reader.0, end),
    })
}

/// The row for an address.
pub fn row(entry: &Entry, address: u64) -> Option<Row> {
    let mut row = Row {
        cfa: Cell::Undefined,
        cells: [Cell::Same; 17],
    };
    row.cells[RA] = Cell::Undefined;
    let initial = row;
    let mut program = Program {
        entry,
        address,
        initial,
        row,
        kept: [row; 4],
        kept_len: 0,
    };
    program.run(entry.first.0, entry.first.1, u64::MAX)?;
    program.initial = program.row;
    program.run(entry.second.0, entry.second.1, entry.function)?;
    Some(program.row)
}

/// A program of call frame instructions at work.
struct Program<'a> {
    entry: &'a Entry,
    address: u64,
    initial: Row,
    row: Row,
    kept: [Row; 4],
    kept_len: usize,
}

impl Program<'_> {
    /// Runs instructions until one speaks of code behind the address. `None` for an instruction that is not known.
    fn run(&mut self, from: u64, to: u64, mut place: u64) -> Option<()> {
        let mut reader = Reader(from);
        while reader.0 < to {
            let code: u8 = reader.take();
            let low = u64::from(code & 0x3f);
            let advance = match (code >> 6, code) {
                (1, _) => low,
                (_, 0x02) => u64::from(reader.take::<u8>()),
                (_, 0x03) => u64::from(reader.take::<u16>()),
                (_, 0x04) => u64::from(reader.take::<u32>()),
                (2, _) => {
                    let offset = self.factored(reader.unsigned() as i64);
                    self.set(low, Cell::At(offset));
                    0
                }
                (3, _) => {
                    self.restore(low);
                    0
                }
                _ => {
                    self.extended(code, &mut reader)?;
                    0
                }
            };
            place = place.wrapping_add(advance * self.entry.code_factor);
            if advance != 0 && place > self.address {
                break;
            }
        }
        Some(())
    }

    fn extended(&mut self, code: u8, reader: &mut Reader) -> Option<()> {
        match code {
            0x00 => {}
            0x05 => {
                let register = reader.unsigned();
                let offset = self.factored(reader.unsigned() as i64);
                self.set(register, Cell::At(offset));
            }
            0x06 => self.restore(reader.unsigned()),
            0x07 => self.set(reader.unsigned(), Cell::Undefined),
            0x08 => self.set(reader.unsigned(), Cell::Same),
            0x09 => {
                let register = reader.unsigned();
                let other = reader.unsigned() as usize;
                self.set(register, Cell::Register(other, 0));
            }
            0x0a => {
                *self.kept.get_mut(self.kept_len)? = self.row;
                self.kept_len += 1;
            }
            0x0b => {
                self.kept_len = self.kept_len.checked_sub(1)?;
                self.row = self.kept[self.kept_len];
            }
            0x0c => {
                let register = reader.unsigned() as usize;
                self.row.cfa = Cell::Register(register, reader.unsigned() as i64);
            }
            0x0d => {
                let register = reader.unsigned() as usize;
                let Cell::Register(_, offset) = self.row.cfa else {
                    return None;
                };
                self.row.cfa = Cell::Register(register, offset);
            }
            0x0e => {
                let Cell::Register(register, _) = self.row.cfa else {
                    return None;
                };
                self.row.cfa = Cell::Register(register, reader.unsigned() as i64);
            }
            0x0f => self.row.cfa = Cell::Expression(skip_block(reader)),
            0x10 => {
                let register = reader.unsigned();
                self.set(register, Cell::AtExpression(skip_block(reader)));
            }
            0x16 => {
                let register = reader.unsigned();
                self.set(register, Cell::Expression(skip_block(reader)));
            }
            _ => return self.signed(code, reader),
        }
        Some(())
    }

    /// The instructions with signed offsets, and GNU's own.
    fn signed(&mut self, code: u8, reader: &mut Reader) -> Option<()> {
        match code {
            0x11 => {
                let register = reader.unsigned();
                let offset = reader.signed();
                self.set(register, Cell::At(self.factored(offset)));
            }
            0x12 => {
                let register = reader.unsigned() as usize;
                let offset = reader.signed();
                self.row.cfa = Cell::Register(register, self.factored(offset));
            }
            0x13 => {
                let Cell::Register(register, _) = self.row.cfa else {
                    return None;
                };
                let offset = reader.signed();
                self.row.cfa = Cell::Register(register, self.factored(offset));
            }
            0x14 => {
                let register = reader.unsigned();
                let offset = reader.unsigned() as i64;
                self.set(register, Cell::Is(self.factored(offset)));
            }
            0x2e => {
                reader.unsigned();
            }
            _ => return None,
        }
        Some(())
    }

    fn factored(&self, offset: i64) -> i64 {
        offset * self.entry.data_factor
    }

    /// Registers that are not kept here, those for floating point, are left out.
    fn set(&mut self, register: u64, cell: Cell) {
        if let Some(place) = self.row.cells.get_mut(register as usize) {
            *place = cell;
        }
    }

    fn restore(&mut self, register: u64) {
        if let Some(cell) = self.initial.cells.get(register as usize) {
            self.set(register, *cell);
        }
    }
}

/// The address of a block with a length before it, left behind.
fn skip_block(reader: &mut Reader) -> u64 {
    let start = reader.0;
    let len = reader.unsigned();
    reader.0 += len;
    start
}

/// The value of a cell; `None` for an expression that is not understood.
pub fn value(cell: Cell, cfa: u64, registers: &Registers) -> Option<u64> {
    match cell {
        Cell::Is(offset) => Some(cfa.wrapping_add_signed(offset)),
        Cell::Register(register, offset) => {
            Some(registers.get(register)?.wrapping_add_signed(offset))
        }
        Cell::Expression(at) => expression(at, cfa, registers),
        Cell::AtExpression(at) => Some(word(expression(at, cfa, registers)?)),
        Cell::Same | Cell::Undefined | Cell::At(_) => None,
    }
}

/// The operations that compilers and glibc's own assembly use.
fn expression(at: u64, cfa: u64, registers: &Registers) -> Option<u64> {
    let mut reader = Reader(at);
    let end = reader.unsigned() + reader.0;
    let mut stack = [0_u64; 16];
    // Expressions for a register start with the frame's address; those for the frame itself do not use it.
    stack[0] = cfa;
    let mut len = 1;
    while reader.0 < end {
        let code: u8 = reader.take();
        let pushed = match code {
            0x08 => Some(u64::from(reader.take::<u8>())),
            0x09 => Some(reader.take::<i8>() as u64),
            0x0a => Some(u64::from(reader.take::<u16>())),
            0x0b => Some(reader.take::<i16>() as u64),
            0x10 => Some(reader.unsigned()),
            0x11 => Some(reader.signed() as u64),
            0x30..=0x4f => Some(u64::from(code - 0x30)),
            0x70..=0x80 => {
                let register = usize::from(code - 0x70);
                Some(registers[register].wrapping_add_signed(reader.signed()))
            }
            _ => None,
        };
        if let Some(value) = pushed {
            *stack.get_mut(len)? = value;
            len += 1;
            continue;
        }
        let top = len.checked_sub(1)?;
        match code {
            0x06 => stack[top] = readable(stack[top], registers)?,
            0x23 => stack[top] = stack[top].wrapping_add(reader.unsigned()),
            _ => {
                let (a, b) = (stack[top.checked_sub(1)?], stack[top]);
                stack[top - 1] = binary(code, a, b)?;
                len -= 1;
            }
        }
    }
    stack.get(len.checked_sub(1)?).copied()
}

fn binary(code: u8, a: u64, b: u64) -> Option<u64> {
    Some(match code {
        0x1a => a & b,
        0x1c => a.wrapping_sub(b),
        0x22 => a.wrapping_add(b),
        0x24 => a << (b & 63),
        0x2a => u64::from(a as i64 >= b as i64),
        _ => return None,
    })
}

/// Reads a word that lies on the stack above.
fn readable(address: u64, registers: &Registers) -> Option<u64> {
    let near = address.wrapping_sub(registers[RSP]) < 1 << 26
        || registers[RSP].wrapping_sub(address) < 128;
    (near && address.is_multiple_of(8)).then(|| word(address))
}
