//! What was leased before? One readable JSON file a name, that a power cut leaves old or new and never torn.
//!
//! ```text
//! STATE/names/camera@vlan1.json     a container's lease in VLAN 1
//! STATE/names/camera@eth0.json      the same name on an untagged interface: another container
//! ```

mod changes;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) use self::changes::Changes;
use crate::client::configure::Changed;
use crate::client::lease::NamedLease;
use crate::client::place::Segment;
use crate::durable::{self, Readers};
use crate::fs_error::FsError;
use lease_store::container::ContainerName;

/// The layout of the file. A file of another is left alone.
const FORMAT: u32 = 1;

/// Time servers set clocks back by so much without anything being wrong.
const CLOCK_SLACK_SECS: i64 = 60;

/// What the file of a name says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stored {
    format: u32,
    /// When it was given back. The name keeps its MAC address, and its address if nobody else got it meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) released_at: Option<Timestamp>,
    /// What was changed on this machine for as long as the lease lasts; none when nothing was configured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) configured: Option<Changed>,
    #[serde(flatten)]
    pub(crate) lease: NamedLease,
}

impl Stored {
    /// A lease that was got just now.
    pub(crate) const fn new(lease: NamedLease) -> Self {
        Self { format: FORMAT, released_at: None, configured: None, lease }
    }

    /// A lease that was got just now, for the name of this one: what was changed on this machine is still to be undone.
    pub(crate) fn followed_by(&self, lease: NamedLease) -> Self {
        Self { configured: self.configured.clone(), ..Self::new(lease) }
    }

    /// Whether the address may be used without a server's word, as far as time goes. A clock that is behind knows nothing of that.
    pub(crate) fn is_valid(&self, wall: Timestamp) -> bool {
        self.released_at.is_none() && !self.lease.is_over(wall) && !self.is_clock_behind(wall)
    }

    /// Whether the wall clock shows a time before the lease: it was set back, or the computer has no clock that runs without power.
    pub(crate) fn is_clock_behind(&self, wall: Timestamp) -> bool {
        let ahead = self.lease.leased_at.as_second().saturating_sub(wall.as_second());
        ahead > CLOCK_SLACK_SECS
    }
}

/// The directory with the files.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    directory: PathBuf,
}

/// What came of reading one file of many.
pub(crate) type ReadOne = Result<(Segment, Stored), StoreError>;

/// Which file could not be read or written, and why.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error(transparent)]
    File(#[from] FsError),
    #[error("{} is not a stored lease and counts for nothing; the name's next lease takes its place", path.display())]
    Damaged {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("{} has format {found}; this program knows format {FORMAT} and leaves it alone", path.display())]
    Format { path: PathBuf, found: u32 },
}

impl Store {
    /// The files under `state`; nothing is made before something is written.
    pub(crate) fn under(state: &Path) -> Self {
        Self { directory: state.join("names") }
    }

    /// Notices of changes to any of the files. The directory is made if it is not there.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub(crate) fn changes(&self) -> Result<Changes, StoreError> {
        let changes =
            fs::create_dir_all(&self.directory).and_then(|()| Changes::of(&self.directory));
        Ok(changes.map_err(FsError::of(&self.directory, "read"))?)
    }

    /// The file of a name on a segment.
    pub(crate) fn path(&self, name: &ContainerName, segment: &Segment) -> PathBuf {
        self.directory.join(format!("{name}@{segment}.json"))
    }

    /// What is known of a name on a segment; `None` when it was never leased.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(crate) fn read(
        &self,
        name: &ContainerName,
        segment: &Segment,
    ) -> Result<Option<Stored>, StoreError> {
        read(&self.path(name, segment))
    }

    /// Every file, by name. One that cannot be read is an error of its own and does not hide the others.
    ///
    /// # Errors
    /// When the directory cannot be read. One that does not exist is empty.
    pub(crate) fn all(&self) -> Result<Vec<ReadOne>, StoreError> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(FsError::of(&self.directory, "read")(source).into()),
        };
        let mut paths = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(FsError::of(&self.directory, "read"))?;
        paths.sort();
        let read_one = |path: PathBuf| {
            let segment = segment_of(&path)?;
            Some(read(&path).transpose()?.map(|stored| (segment, stored)))
        };
        Ok(paths.into_iter().filter_map(read_one).collect())
    }

    /// Writes the file of the lease's name. After a power cut there is what was there before or what is there now.
    ///
    /// # Errors
    /// [`StoreError::File`].
    pub(crate) fn write(&self, segment: &Segment, stored: &Stored) -> Result<(), StoreError> {
        fs::create_dir_all(&self.directory).map_err(FsError::of(&self.directory, "made"))?;
        let path = self.path(&stored.lease.name, segment);
        let mut text = serde_json::to_string_pretty(stored)
            .expect("a lease is made of what JSON has, with text as keys");
        text.push('\n');
        let written = durable::write(&path, text.as_bytes(), Readers::Owner);
        Ok(written.map_err(FsError::of(&path, "written"))?)
    }
}

fn read(path: &Path) -> Result<Option<Stored>, StoreError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FsError::of(path, "read")(source).into()),
    };
    // The format comes first: a later one may lack what this one has.
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let damaged = |source| StoreError::Damaged { path: path.to_owned(), source };
    let Version { format } = serde_json::from_str(&text).map_err(damaged)?;
    if format != FORMAT {
        return Err(StoreError::Format { path: path.to_owned(), found: format });
    }
    serde_json::from_str(&text).map(Some).map_err(damaged)
}

/// The segment in a file's name; `None` for files of others.
fn segment_of(path: &Path) -> Option<Segment> {
    let name = path.file_name()?.to_str()?.strip_suffix(".json")?;
    let (name, segment) = name.split_once('@')?;
    name.parse::<ContainerName>().ok()?;
    Segment::from_text(segment)
}

#[cfg(test)]
mod tests;
