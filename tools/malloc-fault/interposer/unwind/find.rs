//! Which module an address lies in.

use crate::channel::{MODULES, Module};
use crate::plan::name_hash;
use crate::real;
use core::ffi::{CStr, c_char, c_void};
use core::slice;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU64, AtomicUsize};

/// A module, and its table of functions.
#[derive(Clone, Copy)]
pub struct Found {
    pub module: u32,
    pub name: u64,
    pub base: u64,
    /// Its `.eh_frame_hdr`.
    pub table: u64,
}

/// `struct dl_find_object` of glibc.
#[repr(C)]
struct DlFound {
    flags: u64,
    start: u64,
    end: u64,
    link_map: *const LinkMap,
    table: u64,
    reserved: [u64; 7],
}

/// The public start of `struct link_map`.
#[repr(C)]
struct LinkMap {
    addr: u64,
    name: *const c_char,
}

type FindObject = unsafe extern "C" fn(*mut c_void, *mut DlFound) -> i32;

static FIND_OBJECT: AtomicUsize = AtomicUsize::new(0);

/// Looks for the loader's function.
pub fn start() {
    FIND_OBJECT.store(real::symbol(c"_dl_find_object"), Relaxed);
}

/// The module of an address, and `None` for code of no module or a loader that cannot say.
pub fn find(address: u64) -> Option<Found> {
    let function = FIND_OBJECT.load(Relaxed);
    if function == 0 {
        return None;
    }
    // SAFETY: the loader's symbol of this name has this type.
    let function = unsafe { core::mem::transmute::<usize, FindObject>(function) };
    let mut found = core::mem::MaybeUninit::<DlFound>::uninit();
    // SAFETY: any address may be asked for; the answer has the size that glibc promises not to exceed.
    let result = unsafe { function(address as *mut c_void, found.as_mut_ptr()) };
    if result != 0 {
        return None;
    }
    // SAFETY: 0 says that it was filled in.
    let found = unsafe { found.assume_init() };
    let (module, name) = record(&found);
    // SAFETY: the map of a module that holds code of a frame of this stack is not unloaded now.
    let base = unsafe { (*found.link_map).addr };
    Some(Found {
        module,
        name,
        base,
        table: found.table,
    })
}

/// What is known of a module in this process: its map, its first byte, and its record.
struct Seen {
    map: AtomicU64,
    start: AtomicU64,
    record: AtomicU64,
    name: AtomicU64,
}

static SEEN: [Seen; 64] = [const {
    Seen {
        map: AtomicU64::new(0),
        start: AtomicU64::new(0),
        record: AtomicU64::new(0),
        name: AtomicU64::new(0),
    }
}; 64];

/// The record of a module and the hash of its name; `u32::MAX` if no record is free.
fn record(found: &DlFound) -> (u32, u64) {
    let map = found.link_map as u64;
    let seen = &SEEN[(map >> 4) as usize % SEEN.len()];
    if seen.map.load(Acquire) == map && seen.start.load(Relaxed) == found.start {
        return (seen.record.load(Relaxed) as u32, seen.name.load(Relaxed));
    }
    // SAFETY: as in `find`.
    let LinkMap { addr: base, name } = unsafe { found.link_map.read() };
    // SAFETY: the loader keeps a name with a NUL for every module.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    let file = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
    let hash = name_hash(file);
    let index = write(name, base, hash);
    // The map goes last and is emptied first, so that a reader in between misses and looks again.
    seen.map.store(0, Release);
    seen.start.store(found.start, Relaxed);
    seen.record.store(u64::from(index), Relaxed);
    seen.name.store(hash, Relaxed);
    seen.map.store(map, Release);
    (index, hash)
}

/// Finds or makes the record of a module.
fn write(name: &[u8], base: u64, hash: u64) -> u32 {
    let Some(channel) = crate::start::channel() else {
        return u32::MAX;
    };
    let used = channel.header.modules.load(Acquire) as usize;
    let known = |module: &Module| {
        module.ready.load(Acquire) == 1
            && module.hash.load(Relaxed) == hash
            && module.base.load(Relaxed) == base
    };
    let mut there = channel.modules.iter().take(used);
    if let Some(index) = there.position(known) {
        return index as u32;
    }
    let index = channel.header.modules.fetch_add(1, Relaxed) as usize;
    let Some(module) = channel.modules.get(index).filter(|_| index < MODULES) else {
        return u32::MAX;
    };
    let len = name.len().min(module.name.len());
    for (to, from) in module.name.iter().zip(slice_of(name, len)) {
        to.store(*from, Relaxed);
    }
    module.name_len.store(len as u32, Relaxed);
    module.base.store(base, Relaxed);
    module.hash.store(hash, Relaxed);
    module.ready.store(1, Release);
    index as u32
}

/// The end of a long path says more than its start.
fn slice_of(name: &[u8], len: usize) -> slice::Iter<'_, u8> {
    name[name.len() - len..].iter()
}
