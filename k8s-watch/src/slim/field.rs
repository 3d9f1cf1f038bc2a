//! One wanted field of an object: what stands there, or where something of the wrong shape stands.
//!
//! Kubernetes' own types fail on the first field that does not fit, and with them a whole list. Here every shape of
//! JSON is taken; what does not fit is remembered by its path.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;

use grace_core::Time;
use k8s_openapi::jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A field that decodes from any JSON. A field that is missing or null has neither a value nor a fault.
#[derive(Clone, Debug)]
pub(crate) struct Field<T> {
    /// What stands there; of an object or a list, the parts of it that fit.
    pub(crate) value: Option<T>,
    /// Path of the first part that does not fit; empty when the field itself does not.
    pub(crate) wrong: Option<String>,
}

impl<T> Field<T> {
    /// The field itself has the wrong shape.
    fn misshapen() -> Self {
        Self { value: None, wrong: Some(String::new()) }
    }

    fn of(value: Option<T>) -> Self {
        value.map_or_else(Self::misshapen, |value| Self { value: Some(value), wrong: None })
    }
}

/// A type that a field can hold. Each shape of JSON is refused unless the type says what it makes of it.
pub(crate) trait Decode: Sized {
    /// From a string.
    fn text(_text: &str) -> Option<Self> {
        None
    }

    /// From a whole number.
    fn integer(_number: i64) -> Option<Self> {
        None
    }

    /// From true or false.
    fn boolean(_value: bool) -> Option<Self> {
        None
    }

    /// From a list, which must be read to its end.
    fn list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Field<Self>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::misshapen())
    }

    /// From an object, which must be read to its end.
    fn object<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Field<Self>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::misshapen())
    }
}

impl<'de, T: Decode> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor(PhantomData))
    }
}

struct FieldVisitor<T>(PhantomData<T>);

impl<'de, T: Decode> Visitor<'de> for FieldVisitor<T> {
    type Value = Field<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E>(self) -> Result<Field<T>, E> {
        Ok(Field { value: None, wrong: None })
    }

    fn visit_none<E>(self) -> Result<Field<T>, E> {
        Ok(Field { value: None, wrong: None })
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field<T>, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_str<E>(self, text: &str) -> Result<Field<T>, E> {
        Ok(Field::of(T::text(text)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Field<T>, E> {
        Ok(Field::of(T::boolean(value)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Field<T>, E> {
        Ok(Field::of(T::integer(number)))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field<T>, E> {
        Ok(Field::of(i64::try_from(number).ok().and_then(T::integer)))
    }

    fn visit_f64<E>(self, _number: f64) -> Result<Field<T>, E> {
        Ok(Field::misshapen())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Field<T>, A::Error> {
        T::list(items)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Field<T>, A::Error> {
        T::object(entries)
    }
}

impl Decode for Box<str> {
    fn text(text: &str) -> Option<Self> {
        Some(text.into())
    }
}

impl Decode for i64 {
    fn integer(number: i64) -> Option<Self> {
        Some(number)
    }
}

impl Decode for bool {
    fn boolean(value: bool) -> Option<Self> {
        Some(value)
    }
}

/// An address; the empty text, the API's word for none yet, is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ip(pub(crate) Option<IpAddr>);

impl Decode for Ip {
    fn text(text: &str) -> Option<Self> {
        if text.is_empty() { Some(Self(None)) } else { text.parse().ok().map(|ip| Self(Some(ip))) }
    }
}

impl Decode for Time {
    fn text(text: &str) -> Option<Self> {
        let micros = text.parse::<Timestamp>().ok()?.as_microsecond();
        Some(Self::from_micros(u64::try_from(micros).unwrap_or(0)))
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn list<'de, A: SeqAccess<'de>>(mut items: A) -> Result<Field<Self>, A::Error> {
        let (mut all, mut wrong, mut index) = (Self::new(), None, 0_usize);
        while let Some(item) = items.next_element::<Field<T>>()? {
            all.extend(item.value);
            wrong = wrong.or_else(|| item.wrong.map(|inner| join(&format!("[{index}]"), &inner)));
            index += 1;
        }
        Ok(Field { value: Some(all), wrong })
    }
}

/// Something stands there; what, does not matter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Present;

impl Decode for Present {
    fn object<'de, A: MapAccess<'de>>(mut entries: A) -> Result<Field<Self>, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field { value: Some(Self), wrong: None })
    }
}

/// A key of an object, borrowed where the input allows it.
pub(crate) struct Key<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// A path of two parts: `spec` and `containers[0]` make `spec.containers[0]`.
pub(crate) fn join(outer: &str, inner: &str) -> String {
    match inner.chars().next() {
        None => outer.to_owned(),
        Some('[') => format!("{outer}{inner}"),
        Some(_) => format!("{outer}.{inner}"),
    }
}

/// A struct of the wanted fields of a JSON object; every other field is skipped without being built.
macro_rules! object {
    ($(#[$doc:meta])* struct $name:ident { $($(#[$field_doc:meta])* $key:literal => $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $name {
            $($(#[$field_doc])* pub(crate) $field: Option<$type>,)*
        }

        impl $crate::slim::field::Decode for $name {
            fn object<'de, A: serde::de::MapAccess<'de>>(
                mut entries: A,
            ) -> Result<$crate::slim::field::Field<Self>, A::Error> {
                use $crate::slim::field::{Field, Key, join};
                let (mut value, mut wrong) = (Self::default(), None);
                while let Some(key) = entries.next_key::<Key<'de>>()? {
                    match key.0.as_ref() {
                        $($key => {
                            let field = entries.next_value::<Field<$type>>()?;
                            value.$field = field.value;
                            wrong = wrong.or_else(|| field.wrong.map(|inner| join($key, &inner)));
                        })*
                        _ => {
                            entries.next_value::<serde::de::IgnoredAny>()?;
                        }
                    }
                }
                Ok(Field { value: Some(value), wrong })
            }
        }
    };
}
pub(crate) use object;
