//! Numbers that bounds and steps of schemas accept.

use serde_json::{Value, json};

use super::Unstructured;
use super::choice::{below, weighted};
use super::place::Place;

/// Numbers beyond are not the same in every language, and so not ordinary.
const SAFE: f64 = 9_007_199_254_740_991.0;

/// A number within the bounds, and a multiple of the steps, as far as it can be told.
pub(super) fn of(place: &Place<'_>, is_whole: bool, pool: &[Value], u: &mut Unstructured<'_>) -> Option<Value> {
    let steps: Vec<f64> = place.all("multipleOf").filter_map(Value::as_f64).filter(|step| *step > 0.0).collect();
    let grid = match (steps.as_slice(), is_whole) {
        ([], true) => Some(1.0),
        ([], false) => None,
        ([step], false) => Some(*step),
        (steps, _) => Some(common(steps, is_whole)),
    };
    let bounds = Bounds::of(place);
    let of_pool: Vec<f64> = pool.iter().filter_map(Value::as_f64).filter(|number| bounds.contain(*number)).collect();
    let drawn = match weighted(u, &[4, 2, 2, 3, 2, 2]) {
        1 => bounds.least.unwrap_or(0.0),
        2 => bounds.most.unwrap_or(0.0),
        3 => bounds.clamped(f64::from(u.int_in_range(-16..=16).unwrap_or(0))),
        4 => bounds.between(f64::from(u.arbitrary::<u32>().unwrap_or(0)) / f64::from(u32::MAX)),
        5 if !of_pool.is_empty() => of_pool[below(u, of_pool.len())],
        _ => bounds.plainest(),
    };
    let number = match grid {
        Some(step) => bounds.on_grid(drawn, step)?,
        None => bounds.inside(drawn),
    };
    (!number.is_nan()).then(|| value(number))
}

struct Bounds {
    least: Option<f64>,
    most: Option<f64>,
    /// Neither bound is reached.
    is_above: bool,
    is_below: bool,
}

impl Bounds {
    fn of(place: &Place<'_>) -> Self {
        let number = |key: &str| place.all(key).filter_map(Value::as_f64).collect::<Vec<_>>();
        // The oldest dialect says by `true` that a bound is exclusive.
        let says = |key: &str| place.all(key).any(|value| value == &Value::Bool(true));
        let largest = |all: Vec<f64>| all.into_iter().reduce(f64::max);
        let smallest = |all: Vec<f64>| all.into_iter().reduce(f64::min);
        let (least, above) = (largest(number("minimum")), largest(number("exclusiveMinimum")));
        let (most, below) = (smallest(number("maximum")), smallest(number("exclusiveMaximum")));
        Self {
            is_above: says("exclusiveMinimum") || above.is_some_and(|above| least.is_none_or(|least| above >= least)),
            is_below: says("exclusiveMaximum") || below.is_some_and(|below| most.is_none_or(|most| below <= most)),
            least: [least, above].into_iter().flatten().reduce(f64::max),
            most: [most, below].into_iter().flatten().reduce(f64::min),
        }
    }

    fn contain(&self, number: f64) -> bool {
        let above = |least: f64| if self.is_above { number > least } else { number >= least };
        let below = |most: f64| if self.is_below { number < most } else { number <= most };
        self.least.is_none_or(above) && self.most.is_none_or(below)
    }

    fn clamped(&self, number: f64) -> f64 {
        number.min(self.most.unwrap_or(f64::MAX)).max(self.least.unwrap_or(f64::MIN))
    }

    /// The number that is so far on the way from one bound to the other.
    fn between(&self, part: f64) -> f64 {
        let least = self.least.unwrap_or_else(|| self.most.map_or(-SAFE, |most| (most - SAFE).max(-SAFE)));
        let most = self.most.unwrap_or_else(|| (least + SAFE).min(SAFE)).max(least);
        least + (most - least) * part
    }

    /// One, or what is nearest to it.
    fn plainest(&self) -> f64 {
        let least = self.least.map(|least| if self.is_above { least + 1.0 } else { least });
        let most = self.most.map(|most| if self.is_below { most - 1.0 } else { most });
        match (least, most) {
            (Some(least), _) if least > 1.0 => least.ceil(),
            (_, Some(most)) if most < 1.0 => most.floor(),
            _ => 1.0,
        }
    }

    /// A number that the bounds contain: this one, or one between them.
    fn inside(&self, number: f64) -> f64 {
        let middle = || self.between(0.5);
        if self.contain(number) {
            number
        } else {
            Some(self.clamped(number)).filter(|one| self.contain(*one)).unwrap_or_else(middle)
        }
    }

    /// The multiple of a step that is near a number, within the bounds; `None` where there is none.
    fn on_grid(&self, number: f64, step: f64) -> Option<f64> {
        let up = (number / step).ceil();
        let lowest = self.least.map(|least| (least / step).ceil());
        let highest = self.most.map(|most| (most / step).floor());
        let after = lowest.map(|times| times + 1.0);
        let before = highest.map(|times| times - 1.0);
        let near = [Some(up), Some(up - 1.0), lowest, after, highest, before];
        near.into_iter().flatten().map(|times| times * step).find(|number| self.contain(*number))
    }
}

/// A step of which all multiples are multiples of some steps.
fn common(steps: &[f64], is_whole: bool) -> f64 {
    let product = steps.iter().fold(f64::from(u8::from(is_whole)), |all, step| {
        if all == 0.0 {
            *step
        } else if (all % step) == 0.0 {
            all
        } else if (step % all) == 0.0 {
            *step
        } else {
            all * step
        }
    });
    // A fraction such as 0.1 or 2.5 becomes whole with enough of it.
    if is_whole && product.fract() != 0.0 { product * 1000.0 } else { product }
}

/// A number as JSON: without a fraction where it has none.
fn value(number: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the value is a whole number that fits where it has no fraction"
    )]
    if number.fract() == 0.0 && number.abs() <= SAFE { json!(number as i64) } else { json!(number) }
}
