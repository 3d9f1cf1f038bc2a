//! Records in chunks, addressed by a number that stays the same while the record lives.

use alloc::boxed::Box;
use alloc::vec::Vec;

/// Number of a record in its slab.
pub(crate) type Index = u32;

/// No record.
pub(crate) const NONE: Index = Index::MAX;

/// Records in chunks: growing never moves or copies what is there, so there is no peak of twice the size. The chunks have
/// a fixed length, so that finding a record checks one bound and not two.
#[derive(Clone, Debug)]
pub(crate) struct Slab<T> {
    chunks: Vec<Box<[Option<T>; CHUNK]>>,
    free: Vec<Index>,
    len: Index,
}

/// A model checker clones the machine at every step, and its worlds are small.
const CHUNK: usize = if cfg!(feature = "planted") { 4 } else { 256 };

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self { chunks: Vec::new(), free: Vec::new(), len: 0 }
    }

    pub(crate) fn insert(&mut self, record: T) -> Index {
        let index = self.free.pop().unwrap_or_else(|| self.grow());
        *self.slot(index) = Some(record);
        index
    }

    pub(crate) fn remove(&mut self, index: Index) -> Option<T> {
        let record = self.slot(index).take();
        if record.is_some() {
            self.free.push(index);
        }
        record
    }

    pub(crate) fn get(&self, index: Index) -> Option<&T> {
        let index = index as usize;
        self.chunks.get(index / CHUNK)?[index % CHUNK].as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: Index) -> Option<&mut T> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK)?[index % CHUNK].as_mut()
    }

    /// Numbers of all records, ascending. For work that touches everything anyway.
    pub(crate) fn indices(&self) -> impl Iterator<Item = Index> + '_ {
        (0..self.len).filter(|index| self.get(*index).is_some())
    }

    /// One more than the highest number that a record ever had.
    #[cfg(feature = "serde")]
    pub(crate) const fn len(&self) -> Index {
        self.len
    }

    /// Numbers without a record, in the reverse of the order in which they are used again.
    #[cfg(feature = "serde")]
    pub(crate) fn free(&self) -> &[Index] {
        &self.free
    }

    /// A slab with these records, each at its number, and these numbers free.
    #[cfg(feature = "serde")]
    pub(crate) fn with(records: Vec<Option<T>>, free: Vec<Index>) -> Self {
        let mut slab = Self::new();
        for record in records {
            let index = slab.grow();
            *slab.slot(index) = record;
        }
        slab.free = free;
        slab
    }

    /// One more place, and its number.
    fn grow(&mut self) -> Index {
        let index = self.len;
        self.len += 1;
        if index as usize == self.chunks.len() * CHUNK {
            self.chunks.push(empty());
        }
        index
    }

    fn slot(&mut self, index: Index) -> &mut Option<T> {
        let index = index as usize;
        &mut self.chunks[index / CHUNK][index % CHUNK]
    }
}

impl<T> core::ops::Index<Index> for Slab<T> {
    type Output = T;
    fn index(&self, index: Index) -> &T {
        self.get(index).expect("an index is dropped before its record")
    }
}

impl<T> core::ops::IndexMut<Index> for Slab<T> {
    fn index_mut(&mut self, index: Index) -> &mut T {
        self.get_mut(index).expect("an index is dropped before its record")
    }
}

/// A chunk without records, made on the heap: on the stack it could be large.
fn empty<T>() -> Box<[Option<T>; CHUNK]> {
    let slots: Vec<Option<T>> = (0..CHUNK).map(|_| None).collect();
    slots.into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!("it was made with this length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stays_with_its_record_and_is_used_again_afterwards() {
        let mut slab = Slab::new();
        let numbers: Vec<Index> = (0..600).map(|n| slab.insert(n)).collect();
        assert!(numbers.iter().all(|&index| slab[index] == index));
        assert_eq!(slab.remove(300), Some(300));
        assert_eq!(slab.get(300), None);
        assert_eq!(slab.indices().count(), 599);
        assert_eq!(slab.insert(7), 300);
        assert_eq!(slab.remove(300), Some(7));
        assert_eq!(slab.remove(300), None);
    }
}
