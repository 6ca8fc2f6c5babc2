//! The file in which hooks in the target leave what they saw. Read and cleared here; what is in it is hostile.
//!
//! Hooks map it into memory, or write it in place, through the name in [`MAP_VARIABLE`](super::MAP_VARIABLE). All
//! numbers are little-endian.
//!
//! ```text
//!       0  65536 counters of edges, one byte each, kept at 255 once there
//!   65536  header: epoch, then the lengths of the three tapes below, and whether operands are wanted; 32 bits each
//!   69632  touched: 32 bits for each edge and its hits (low and high half), for hooks that cannot map memory
//!  331776  operands: a JSON array of two for each comparison, one a line
//!  462848  constants: a JSON value for each literal in code that was entered, one a line
//!  593920  end
//! ```
//!
//! The harness raises the epoch with each clearing, so that hooks can tell one input from the next; a hook appends to a
//! tape and then to its length, and drops what finds no room.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// Edge counters.
const EDGES: usize = 1 << 16;

/// Epoch, lengths and wishes.
const HEADER: u64 = 0x10000;

/// Where each tape begins, and how long it may be.
const TOUCHED: Tape = Tape { length_at: HEADER + 4, start: 0x11000, room: 0x40000 };
const OPERANDS: Tape = Tape { length_at: HEADER + 8, start: 0x51000, room: 0x20000 };
const CONSTANTS: Tape = Tape { length_at: HEADER + 12, start: 0x71000, room: 0x20000 };

/// Whether hooks are to write operands down.
const WISH: u64 = HEADER + 16;

/// The length of the file.
const LENGTH: u64 = CONSTANTS.start + CONSTANTS.room as u64;

/// Pairs more than this are not worth trying.
const MOST: usize = 2048;

/// Text longer than this is no value worth trying again.
const LONGEST: usize = 256;

/// A shared map. Its file is removed with it.
#[derive(Debug)]
pub struct Map {
    file: File,
    path: PathBuf,
    epoch: u32,
    edges: Vec<u8>,
}

/// Two values that the target compared: on the left what it looked at, where that is known.
pub type Operand = (Value, Value);

/// What the target compared while it worked on an input; to be read where that input is worth it.
#[derive(Debug, Default)]
pub struct Compared(Vec<u8>);

impl Map {
    /// Makes an empty map in the folder, which is best on a file system in memory such as `/dev/shm`.
    pub fn create(folder: &Path) -> io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let name = format!("coverage-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let path = folder.join(name);
            let opened = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
            match opened {
                Ok(file) => {
                    let path = path.canonicalize()?;
                    file.set_len(LENGTH)?;
                    let mut map = Self { file, path, epoch: 0, edges: vec![0; EDGES] };
                    map.want_operands(true)?;
                    map.clear()?;
                    return Ok(map);
                }
                // Left by a process that had our number before.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where the file is; whatever confines the target has to let it read and write there.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Forgets edges and operands. To be called before each input; constants stay.
    pub fn clear(&mut self) -> io::Result<()> {
        self.epoch = self.epoch.wrapping_add(1);
        self.file.write_all_at(&ZEROES, 0)?;
        let mut header = [0; 12];
        header[..4].copy_from_slice(&self.epoch.to_le_bytes());
        self.file.write_all_at(&header, HEADER)
    }

    /// Tells hooks whether to write operands down, which costs some of them time. They do in the beginning.
    pub fn want_operands(&mut self, wanted: bool) -> io::Result<()> {
        self.file.write_all_at(&u32::from(wanted).to_le_bytes(), WISH)
    }

    /// How often each edge was taken since the map was cleared, up to 255.
    pub fn edges(&mut self) -> io::Result<&[u8]> {
        self.file.read_exact_at(&mut self.edges, 0)?;
        for entry in self.read(&TOUCHED)?.chunks_exact(4) {
            let edge = usize::from(u16::from_le_bytes([entry[0], entry[1]]));
            let hits = u16::from_le_bytes([entry[2], entry[3]]).min(255);
            // Cannot be more than 255.
            self.edges[edge] = self.edges[edge].saturating_add(u8::try_from(hits).unwrap_or(u8::MAX));
        }
        Ok(&self.edges)
    }

    /// What the target compared since the map was cleared.
    pub fn compared(&self) -> io::Result<Compared> {
        self.read(&OPERANDS).map(Compared)
    }

    /// Literals of code that the target entered since this was last asked, each once.
    pub fn constants(&mut self) -> io::Result<Vec<Value>> {
        let read = self.read(&CONSTANTS)?;
        if !read.is_empty() {
            self.file.write_all_at(&[0; 4], CONSTANTS.length_at)?;
        }
        Ok(lines(&read).filter(is_small).collect())
    }

    fn read(&self, tape: &Tape) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.file.read_exact_at(&mut length, tape.length_at)?;
        let length = usize::try_from(u32::from_le_bytes(length)).map_or(tape.room, |length| length.min(tape.room));
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, tape.start)?;
        Ok(bytes)
    }
}

impl Compared {
    /// Each pair once, texts first, and not more than 2,048.
    pub fn operands(&self) -> Vec<Operand> {
        let mut found: Vec<Operand> = lines(&self.0)
            .filter_map(|value| {
                let Value::Array(pair) = value else { return None };
                let [left, right] = <[Value; 2]>::try_from(pair).ok()?;
                (is_small(&left) && is_small(&right)).then_some((left, right))
            })
            .collect();
        found.sort_by_key(|(left, right)| !(left.is_string() || right.is_string()));
        found.truncate(MOST);
        found
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // Nothing is lost with a file that stays.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A part of the file that hooks append to.
struct Tape {
    length_at: u64,
    start: u64,
    room: usize,
}

static ZEROES: [u8; EDGES] = [0; EDGES];

/// The values that stand one a line, each once; what is none, or was cut short, is left out.
fn lines(tape: &[u8]) -> impl Iterator<Item = Value> {
    let mut met = HashSet::new();
    let lines = tape.split(|&byte| byte == b'\n').filter(move |&line| met.insert(line));
    lines.filter_map(|line| serde_json::from_slice(line).ok())
}

/// Whether a value is one that an input could hold in place of another.
fn is_small(value: &Value) -> bool {
    match value {
        Value::String(text) => text.len() <= LONGEST,
        Value::Array(_) | Value::Object(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn append(map: &Map, tape: &Tape, bytes: &[u8]) {
        let file = OpenOptions::new().write(true).open(map.path()).expect("is there");
        let length = map.read(tape).expect("is read").len();
        file.write_all_at(bytes, tape.start + length as u64).expect("is written");
        let length = u32::try_from(length + bytes.len()).expect("is small");
        file.write_all_at(&length.to_le_bytes(), tape.length_at).expect("is written");
    }

    #[test]
    fn what_hooks_write_is_read_and_cleared() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut map = Map::create(folder.path()).expect("is made");
        let path = map.path().to_owned();
        let file = OpenOptions::new().write(true).open(&path).expect("is there");
        file.write_all_at(&[3], 7).expect("is written");
        append(&map, &TOUCHED, &[7, 0, 2, 0, 0xff, 0xff, 0xff, 0xff]);
        append(&map, &OPERANDS, b"[4,3]\n[\"a\",\"admin\"]\n[\"a\",\"admin\"]\n[1]\n[1,2,3]\n[[],1]\n[2,\n");
        append(&map, &CONSTANTS, b"\"zz9\"\n3\n\"zz9\"\n\xff\n[1]\n");
        let edges = map.edges().expect("is read");
        assert_eq!((edges[7], edges[0xffff], edges[8]), (5, 255, 0));
        let operands = [(json!("a"), json!("admin")), (json!(4), json!(3))];
        assert_eq!(map.compared().expect("is read").operands(), operands);
        map.clear().expect("is cleared");
        assert!(map.edges().expect("is read").iter().all(|&hits| hits == 0));
        assert!(map.compared().expect("is read").operands().is_empty());
        assert_eq!(map.constants().expect("is read"), [json!("zz9"), json!(3)]);
        assert!(map.constants().expect("is read").is_empty());
        drop(map);
        assert!(!path.exists());
    }

    #[test]
    fn lengths_that_lie_are_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut map = Map::create(folder.path()).expect("is made");
        let file = OpenOptions::new().write(true).open(map.path()).expect("is there");
        file.write_all_at(&[0xff; 20], HEADER).expect("is written");
        assert!(map.edges().is_ok());
        assert!(map.compared().expect("is read").operands().is_empty());
        assert!(map.constants().expect("is read").is_empty());
    }
}
