//! What was copied, item by item.

/// Why a page was unshared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum Cause {
    /// The child wrote user data in it, then or later.
    UserData,
    /// No user data was written in it at all: the allocator wrote its own.
    Metadata,
}

/// One page that was unshared.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Item {
    /// During which deed, counted from 0.
    pub deed: usize,
    /// To which block that was done, in the order of allocation.
    pub block: usize,
    /// In which mapping the page lies.
    pub mapping: String,
    /// Which page of the mapping it is.
    pub page: usize,
    /// Why.
    pub cause: Cause,
}

/// What one mapping contributed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Share {
    /// The mapping: a path, a name in brackets, or `anonymous`.
    pub mapping: String,
    /// Pages unshared in which user data was written.
    pub user_data: usize,
    /// Pages unshared by metadata alone.
    pub metadata: usize,
}

/// What a child wrote, and what the kernel copied for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Bill {
    /// Whose.
    pub allocator: String,
    /// For what.
    pub deed: super::Deed,
    /// How often that was done.
    pub deeds: usize,
    /// Bytes of all blocks of the tree, as they were asked for.
    pub tree_bytes: usize,
    /// Bytes of user data that the child wrote.
    pub bytes_written: usize,
    /// Bytes of an OS page.
    pub page_size: usize,
    /// Pages that are the child's own after the deeds and were not before, by smaps: the second source. It
    /// counts new pages as well.
    pub private_by_smaps: Option<usize>,
    /// The child's page faults during the deeds. They count new pages as well, and the allocator's code,
    /// where the child comes to it for the first time: so they may differ from run to run.
    pub faults: u64,
    /// Pages that the child has and the parent never had.
    pub new_pages: usize,
    /// Every page that was unshared, in the order in which that happened.
    pub items: Vec<Item>,
}

impl Bill {
    /// Count the pages unshared in which user data was written.
    #[must_use]
    pub fn pages_by_user_data(&self) -> usize {
        self.count(Cause::UserData)
    }

    /// Count the pages unshared by metadata alone.
    #[must_use]
    pub fn pages_by_metadata(&self) -> usize {
        self.count(Cause::Metadata)
    }

    /// Return the bytes that the kernel copied.
    #[must_use]
    pub fn bytes_copied(&self) -> usize {
        self.items.len() * self.page_size
    }

    /// Add up the items by mapping, in the order of their first appearance.
    #[must_use]
    pub fn shares(&self) -> Vec<Share> {
        let mut shares: Vec<Share> = Vec::new();
        for item in &self.items {
            let known = shares
                .iter()
                .position(|share| share.mapping == item.mapping);
            let index = known.unwrap_or_else(|| {
                shares.push(Share {
                    mapping: item.mapping.clone(),
                    user_data: 0,
                    metadata: 0,
                });
                shares.len() - 1
            });
            match item.cause {
                Cause::UserData => shares[index].user_data += 1,
                Cause::Metadata => shares[index].metadata += 1,
            }
        }
        shares
    }

    fn count(&self, cause: Cause) -> usize {
        self.items.iter().filter(|item| item.cause == cause).count()
    }
}
