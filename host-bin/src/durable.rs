//! How does a file get its contents so that a power cut leaves the old ones or the new ones, and nothing between?
//!
//! A file beside it is written and synced, takes its place, and the directory is synced. When that fails, the file beside it is gone again.

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tempfile::NamedTempFile;

/// Who may read what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever owns the file.
    Owner,
    /// All users of the machine.
    Everybody,
}

/// Puts a file with these octets at `path`, all of it or none.
///
/// # Errors
/// Those of the file system; what was at `path` is still there then.
pub(crate) fn write(path: &Path, octets: &[u8], readers: Readers) -> io::Result<()> {
    beside(path, octets, readers)?.persist(path)?;
    sync_directory(path)
}

/// The same where nothing is there yet. What is there stays, and is durable afterwards.
///
/// # Errors
/// Those of the file system.
pub(crate) fn write_new(path: &Path, octets: &[u8], readers: Readers) -> io::Result<()> {
    match beside(path, octets, readers)?.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error),
    }
    sync_directory(path)
}

/// A file in the same directory with these octets, synced; it is gone again unless it is put somewhere.
fn beside(path: &Path, octets: &[u8], readers: Readers) -> io::Result<NamedTempFile> {
    let mode = match readers {
        Readers::Owner => 0o600,
        Readers::Everybody => 0o644,
    };
    let mut beside =
        tempfile::Builder::new().prefix(".").suffix(".tmp").tempfile_in(directory(path))?;
    beside.write_all(octets)?;
    beside.as_file().set_permissions(Permissions::from_mode(mode))?;
    beside.as_file().sync_all()?;
    Ok(beside)
}

/// Makes durable that a file is in its directory, or is not.
///
/// # Errors
/// Those of the file system.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(directory(path))?.sync_all()
}

/// Where the file is: `.` for a name alone.
pub(crate) fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_failed_write_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let in_the_way = directory.path().join("in-the-way");
        fs::create_dir(&in_the_way).unwrap();
        assert!(write(&in_the_way, b"x", Readers::Owner).is_err());
        assert!(in_the_way.is_dir());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_is_there_stays_where_only_a_new_file_is_wanted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        write_new(&path, b"first", Readers::Owner).unwrap();
        write_new(&path, b"second", Readers::Owner).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_is_read_by_those_who_may() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        for (readers, mode) in [(Readers::Owner, 0o600), (Readers::Everybody, 0o644)] {
            write(&path, b"x", readers).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
    }
}
