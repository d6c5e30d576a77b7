//! What a driver reads from files: the payload pool and the keys, made before the trial in a folder of its own.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tribunal_engine::keys::KeyStream;
use tribunal_engine::payload::PayloadPool;

/// Keys in a file at most; they are used again from the first one on.
const MOST_KEYS: u64 = 1 << 20;

/// Owner of the folder; dropping it removes the files.
#[derive(Debug)]
pub struct Spool {
    folder: TempDir,
}

impl Spool {
    /// A folder that only this user can read.
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("tribunal-driver-").tempdir()?;
        Ok(Self { folder })
    }

    /// Writes the payload pool: the number of bodies, the end of each, and the bodies.
    pub fn bodies(&self, pool: &PayloadPool) -> io::Result<PathBuf> {
        self.write("bodies", |file| {
            file.write_all(&u64::from(pool.len()).to_le_bytes())?;
            let mut end = 0;
            for number in 0..pool.len() {
                end += pool.body(number).len() as u64;
                file.write_all(&end.to_le_bytes())?;
            }
            (0..pool.len()).try_for_each(|number| file.write_all(pool.body(number)))
        })
    }

    /// Writes the first `count` keys of a producer, about a million at most; nothing, and `count` is not asked, where
    /// records have none.
    pub fn keys(&self, producer: u32, mut keys: KeyStream, count: impl FnOnce() -> u64) -> io::Result<Option<PathBuf>> {
        let Some(first) = keys.take() else { return Ok(None) };
        let path = self.write(&format!("keys-{producer}"), |file| {
            file.write_all(&first.to_le_bytes())?;
            for _ in 1..count().clamp(1, MOST_KEYS) {
                file.write_all(&keys.take().unwrap_or_default().to_le_bytes())?;
            }
            Ok(())
        })?;
        Ok(Some(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, body: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        let mut file = BufWriter::new(File::create(&path)?);
        body(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(path)
    }
}

/// Reads what [`Spool::bodies`] wrote; none where it is something else.
pub fn read_bodies(path: &Path) -> io::Result<Option<PayloadPool>> {
    let bytes = std::fs::read(path)?;
    let whole = || {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let ends = usize::try_from(u64::from_le_bytes(*head)).ok()?.checked_mul(8)?;
        let (ends, bodies) = rest.split_at_checked(ends)?;
        PayloadPool::of(bodies, words(ends).map(|end| end as usize).collect::<Vec<_>>())
    };
    Ok(whole())
}

/// Reads what [`Spool::keys`] wrote.
pub fn read_keys(path: &Path) -> io::Result<KeyStream> {
    Ok(KeyStream::listed(words(&std::fs::read(path)?).collect::<Vec<_>>()))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use tribunal_engine::schedule::Place;
    use tribunal_model::trial::{Content, Keys, RecordShape, Size};

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let spool = Spool::new().unwrap();
        let shape = RecordShape {
            size: Size::Uniform { min: 3, max: 90 },
            content: Content::Generated { compressibility: 0.5 },
            headers: Vec::new(),
        };
        let pool = PayloadPool::new(&shape, 7, 1000, 10).unwrap();
        let read = read_bodies(&spool.bodies(&pool).unwrap()).unwrap().unwrap();
        assert_eq!(read.len(), pool.len());
        assert!((0..pool.len()).all(|number| read.body(number) == pool.body(number)));
        let place = Place {
            seed: 1,
            block: 0,
            index: 1,
            producers: 2,
        };
        let keys = || KeyStream::new(Keys::Uniform { cardinality: 1000 }, place);
        let path = spool.keys(1, keys(), || 50).unwrap().unwrap();
        let (mut ours, mut theirs) = (keys(), read_keys(&path).unwrap());
        let first: Vec<_> = (0..50).map(|_| ours.take()).collect();
        assert_eq!((0..50).map(|_| theirs.take()).collect::<Vec<_>>(), first);
        assert_eq!(theirs.take(), first[0], "from the first one on");
        assert!(
            spool
                .keys(2, KeyStream::new(Keys::None, place), || 50)
                .unwrap()
                .is_none()
        );
        std::fs::write(&path, [9; 12]).unwrap();
        assert!(read_bodies(&path).unwrap().is_none());
    }
}
