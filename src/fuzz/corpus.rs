//! The inputs that have taught something, in memory and in a folder that several workers and nights share. Chooses what to go on
//! from: what shows rare behaviour.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::chance::Chance;
use super::feedback::{BEHAVIOURS, FEATURES};
use super::finding::write_whole;
use crate::smith::Input;

/// What is known of the target by what it showed, and by which inputs.
pub(super) struct Corpus {
    entries: Vec<Entry>,
    /// How often each feature was shown.
    hits: Vec<u32>,
    seen: usize,
    bytes: usize,
    /// How many entries have neighbours that were not tried.
    untried: usize,
    folder: PathBuf,
    /// Names of files that are known already.
    names: HashSet<String>,
}

struct Entry {
    input: Input,
    /// Its features, the rarest at the time.
    features: Vec<u32>,
    chosen: u32,
    /// What the target compared when it was tried, as long as its neighbours were not.
    untried: Option<Vec<Value>>,
    /// It was the first to reach some code of the target's.
    reaches: bool,
}

/// Inputs that are kept, and their bytes.
const ENTRIES: usize = 5_000;
const BYTES: usize = 8 << 20;
/// Features of an input that are remembered.
const REMEMBERED: usize = 32;
/// Among how many the best is chosen.
const CANDIDATES: usize = 6;
/// Files of a folder that are read at most.
const FILES: usize = 50_000;

impl Corpus {
    /// An empty one, which keeps its inputs in a folder.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let folder = folder.to_owned();
        Ok(Self {
            entries: Vec::new(),
            hits: vec![0; FEATURES],
            seen: 0,
            bytes: 0,
            untried: 0,
            folder,
            names: HashSet::new(),
        })
    }

    /// How many inputs there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many features were seen.
    pub(super) fn features(&self) -> usize {
        self.seen
    }

    /// Counts what an input has shown; says whether something of it was new.
    pub(super) fn note(&mut self, features: &BTreeSet<u32>) -> bool {
        let mut is_new = false;
        for &feature in features {
            let hits = &mut self.hits[feature as usize];
            self.seen += usize::from(*hits == 0);
            is_new |= *hits == 0;
            *hits = hits.saturating_add(1);
        }
        is_new
    }

    /// Takes an input that has shown something new.
    pub(super) fn add(&mut self, input: &Input, features: &BTreeSet<u32>, compared: Vec<Value>) -> io::Result<()> {
        let mut rare: Vec<u32> = features.iter().copied().collect();
        let reaches = rare.iter().any(|&feature| feature >= BEHAVIOURS && self.hits[feature as usize] == 1);
        rare.sort_by_key(|&feature| self.hits[feature as usize]);
        rare.truncate(REMEMBERED);
        if self.entries.len() < ENTRIES && self.bytes < BYTES {
            self.bytes += input.len();
            self.untried += 1;
            self.entries.push(Entry {
                input: input.clone(),
                features: rare,
                chosen: 0,
                untried: Some(compared),
                reaches,
            });
        }
        let bytes = input.encode();
        let name = name(&bytes);
        if self.names.insert(name.clone()) {
            write_whole(&self.folder.join(name), &bytes)?;
        }
        Ok(())
    }

    /// Takes an input out of the folder that has shown nothing new.
    pub(super) fn forget(&mut self, input: &Input) {
        // What is gone already is as gone as it should be.
        let _ = std::fs::remove_file(self.folder.join(name(&input.encode())));
    }

    /// Inputs in the folder that were not there before; small ones first.
    pub(super) fn news(&mut self) -> io::Result<Vec<Input>> {
        let folder = self.folder.clone();
        self.read(&folder)
    }

    /// Inputs of any folder that are not known yet, small ones first.
    pub(super) fn read(&mut self, folder: &Path) -> io::Result<Vec<Input>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder)?.take(FILES) {
            let entry = entry?;
            let Ok(file) = entry.file_name().into_string() else { continue };
            if Path::new(&file).extension().is_some_and(|ending| ending == "part")
                || self.names.contains(&file)
                || !entry.file_type()?.is_file()
            {
                continue;
            }
            // Another worker may have taken it out meanwhile.
            let Ok(bytes) = std::fs::read(entry.path()) else { continue };
            if folder == self.folder {
                self.names.insert(file);
            }
            found.push((bytes.len(), bytes));
        }
        found.sort();
        Ok(found.into_iter().map(|(_, bytes)| Input::decode(&bytes)).collect())
    }

    /// An input to go on from: of some at random, the one with the rarest behaviour, and of equals the one least used.
    pub(super) fn choose(&mut self, chance: &mut Chance) -> Option<Input> {
        if self.entries.is_empty() {
            return None;
        }
        let rarity = |entry: &Entry| self.rarity(entry) + u64::from(entry.chosen) * 4;
        let candidates = (0..CANDIDATES).map(|_| chance.below(self.entries.len()));
        let best = candidates.min_by_key(|&at| (rarity(&self.entries[at]), at))?;
        let entry = &mut self.entries[best];
        entry.chosen += 1;
        Some(entry.input.clone())
    }

    /// Among the inputs whose neighbours were not tried, one that reached new code where there is one, then one of the rarest
    /// behaviour, then the smallest; with what the target compared when it was tried.
    pub(super) fn untried(&mut self) -> Option<(Input, Vec<Value>)> {
        if self.untried == 0 {
            return None;
        }
        let open = self.entries.iter().enumerate().filter(|(_, entry)| entry.untried.is_some());
        let order = |entry: &Entry| (!entry.reaches, self.rarity(entry).checked_ilog2(), entry.input.len());
        let (best, _) = open.min_by_key(|(_, entry)| order(entry))?;
        self.untried -= 1;
        let entry = &mut self.entries[best];
        Some((entry.input.clone(), entry.untried.take().unwrap_or_default()))
    }

    /// How often the rarest of its features was shown.
    fn rarity(&self, entry: &Entry) -> u64 {
        let rarest = entry.features.iter().map(|&feature| self.hits[feature as usize]).min();
        u64::from(rarest.unwrap_or(u32::MAX))
    }

    /// Any input.
    pub(super) fn any(&self, chance: &mut Chance) -> Option<&Input> {
        (!self.entries.is_empty()).then(|| &self.entries[chance.below(self.entries.len())].input)
    }
}

/// The name of an input's file, which is the same everywhere.
fn name(bytes: &[u8]) -> String {
    let fold =
        |basis: u64| bytes.iter().fold(basis, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{:016x}", fold(0xcbf2_9ce4_8422_2325))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smith::Piece;

    #[test]
    fn what_was_kept_is_there_the_next_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut corpus = Corpus::new(folder.path()).expect("is made");
        let input = Input { pieces: vec![Piece::message("{}")] };
        let features = BTreeSet::from([1, 2]);
        assert!(corpus.note(&features));
        corpus.add(&input, &features, vec![Value::from(3)]).expect("is written");
        assert!(!corpus.note(&features));
        assert_eq!(corpus.news().expect("is read"), []);
        assert_eq!((corpus.len(), corpus.features()), (1, 2));
        assert_eq!(corpus.choose(&mut Chance::new(1)), Some(input.clone()));
        assert_eq!(corpus.untried(), Some((input.clone(), vec![Value::from(3)])));
        assert_eq!(corpus.untried(), None);
        let mut next = Corpus::new(folder.path()).expect("is made");
        assert_eq!(next.news().expect("is read"), std::slice::from_ref(&input));
        next.forget(&input);
        assert_eq!(Corpus::new(folder.path()).and_then(|mut c| c.news()).expect("is read"), []);
    }
}
