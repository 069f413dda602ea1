//! Where do programs find the servers for names? In a `resolv.conf`, which is ours for as long as the lease is, and is nobody's that we do not know of.
//!
//! A file of ours says in its first line whose it is. One that is not ours is replaced only where the operator named it; it then stands beside ours, as
//! `resolv.conf.before-hydrant`, until the lease is lost. A file of another lease of ours is never replaced.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::client::lease::NamedLease;
use crate::durable::{self, Readers};
use crate::fs_error::FsError;

/// How the first line of each file of ours begins; the owner follows.
const OURS: &str = "# Written by hydrant for ";

/// The file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResolvConf {
    path: PathBuf,
    /// Whether the operator named it.
    named: bool,
}

/// Why the file is not as the lease says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResolvError {
    #[error(
        "{file} is somebody else's and stays as it is; `--resolv-conf {file}` replaces it for as long as the lease lasts, and \
         `--resolv-conf none` does not look at it",
        file = path.display()
    )]
    Foreign { path: PathBuf },
    #[error("{} is another lease's of hydrant, {owner}, and stays as it is; say another file by `--resolv-conf FILE`, or `none`", path.display())]
    OtherLease { path: PathBuf, owner: String },
    #[error(transparent)]
    File(#[from] FsError),
}

/// Whose the file is.
#[derive(Debug, PartialEq, Eq)]
enum Whose {
    Nobodys,
    /// This lease's, with this in it.
    Ours(String),
    /// Another lease's of ours.
    OtherLease(String),
    Foreign,
}

impl ResolvConf {
    /// The file that the operator named, else the one that programs in this network namespace read: `ip netns exec NAME` puts
    /// /etc/netns/NAME/resolv.conf in the place of /etc/resolv.conf.
    pub(crate) fn new(named: Option<PathBuf>) -> Self {
        match named {
            Some(path) => Self { path, named: true },
            None => {
                let etc = Path::new("/etc");
                let folder = namespace().map(|name| etc.join("netns").join(name));
                let path = folder.as_deref().unwrap_or(etc).join("resolv.conf");
                Self { path, named: false }
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what the lease says, for `owner`; nothing when that stands there already. With nothing to say, a file of ours is taken away.
    ///
    /// # Errors
    /// [`ResolvError`], with the file as it was.
    pub(crate) fn write(&self, owner: &str, lease: &NamedLease) -> Result<(), ResolvError> {
        let Some(text) = text(owner, lease) else { return take_away(&self.path, owner) };
        let path = &self.path;
        match whose(path, owner)? {
            Whose::Ours(before) if before == text => return Ok(()),
            Whose::Ours(_) => {}
            Whose::OtherLease(owner) => {
                return Err(ResolvError::OtherLease { path: path.clone(), owner });
            }
            Whose::Foreign if !self.named => {
                return Err(ResolvError::Foreign { path: path.clone() });
            }
            Whose::Foreign => keep(path).map_err(FsError::of(path, "kept beside the new one"))?,
            Whose::Nobodys => {
                let folder = path.parent().unwrap_or(path);
                fs::create_dir_all(folder).map_err(FsError::of(folder, "made"))?;
            }
        }
        let written = durable::write(path, text.as_bytes(), Readers::Everybody);
        Ok(written.map_err(FsError::of(path, "written"))?)
    }
}

/// Takes the owner's file away and puts back what was there before it. What somebody else put there meanwhile stays.
///
/// # Errors
/// [`ResolvError::File`].
pub(crate) fn take_away(path: &Path, owner: &str) -> Result<(), ResolvError> {
    match whose(path, owner)? {
        Whose::Nobodys | Whose::OtherLease(_) | Whose::Foreign => return Ok(()),
        Whose::Ours(_) => {}
    }
    let before = before(path);
    let gone = match fs::symlink_metadata(&before) {
        Ok(_) => fs::rename(&before, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::remove_file(path),
        Err(error) => Err(error),
    };
    let gone = gone.and_then(|()| durable::sync_directory(path));
    Ok(gone.map_err(FsError::of(path, "taken away"))?)
}

/// What the file is to say; none when the lease says nothing of names.
fn text(owner: &str, lease: &NamedLease) -> Option<String> {
    let search = match lease.search.as_slice() {
        [] => lease.domain.iter().cloned().collect(),
        search => search.to_vec(),
    };
    if search.is_empty() && lease.dns.is_empty() {
        return None;
    }
    let mut lines = vec![format!("{OURS}{owner}"), "# It goes when the lease goes.".to_owned()];
    if !search.is_empty() {
        lines.push(format!("search {}", search.join(" ")));
    }
    lines.extend(lease.dns.iter().map(|server| format!("nameserver {server}")));
    Some(lines.join("\n") + "\n")
}

fn whose(path: &Path, owner: &str) -> Result<Whose, ResolvError> {
    let octets = match fs::read(path) {
        Ok(octets) => octets,
        // A link that leads nowhere is somebody's.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let nobodys = fs::symlink_metadata(path).is_err();
            return Ok(if nobodys { Whose::Nobodys } else { Whose::Foreign });
        }
        Err(source) => return Err(FsError::of(path, "read")(source).into()),
    };
    let text = String::from_utf8_lossy(&octets).into_owned();
    Ok(match text.lines().next().and_then(|line| line.strip_prefix(OURS)) {
        Some(name) if name == owner => Whose::Ours(text),
        Some(name) => Whose::OtherLease(name.to_owned()),
        None => Whose::Foreign,
    })
}

/// A second name for the file that is there, also when it is a link: at every moment there is a file, and a power cut leaves one of them.
fn keep(path: &Path) -> io::Result<()> {
    let before = before(path);
    // What was kept there is from a time when a file of ours was replaced by somebody: theirs is the one before ours now.
    match fs::remove_file(&before) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    // Some file systems have no second names.
    fs::hard_link(path, &before).or_else(|_| {
        fs::copy(path, &before)?;
        File::open(&before)?.sync_all()
    })?;
    durable::sync_directory(path)
}

fn before(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".before-hydrant");
    PathBuf::from(name)
}

/// The name that `ip netns` has for our network namespace, if it has one.
fn namespace() -> Option<std::ffi::OsString> {
    let ours = fs::metadata("/proc/self/ns/net").ok()?;
    let all = fs::read_dir("/run/netns").ok()?.flatten();
    let mut named = all.filter(|one| {
        let there = fs::metadata(one.path());
        there.is_ok_and(|there| (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
    });
    named.next().map(|one| one.file_name())
}

#[cfg(test)]
mod tests;
