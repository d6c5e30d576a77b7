use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[test]
fn one_at_a_time_varies_each_factor_beside_the_first_levels_of_the_others() {
    let text = "design.kind = \"one-at-a-time\"\n[factors]\nlinger.ms = [0, 5, 20]\nacks = ['1', 'all']\na.b = [1, 2]";
    check(text, "0/1/1 0/1/2 0/all/1 5/1/1 20/1/1");
    let matrix = matrix(text);
    assert_eq!((matrix.excluded, matrix.omitted), (0, 7));
    let exclude = format!("{text}\n[[exclude]]\nlinger.ms = 20\n[[exclude]]\nlinger.ms = 5\na.b = 2");
    check(&exclude, "0/1/1 0/1/2 0/all/1 5/1/1");
    let matrix = self::matrix(&exclude);
    // 4 with 20 ms and 2 with 5 ms; of the other 6 the design has 4.
    assert_eq!((matrix.excluded, matrix.omitted), (6, 2));
    check_error(
        &format!("{text}\n[[exclude]]\nlinger.ms = 0\nacks = '1'"),
        false,
        "plan.toml:8: exclude: leaves out the first levels of all factors, beside which design.kind = \
         \"one-at-a-time\" puts each other level",
    );
}

#[test]
fn pairwise_keeps_the_first_cell_and_few_others() {
    let factor = |name: &str| format!("{name} = [1, 2, 3]\n");
    let four: String = ["a.a", "a.b", "a.c", "a.d"].map(factor).concat();
    let matrix = matrix(&format!("design.kind = \"pairwise\"\n[factors]\n{four}"));
    let levels: Vec<&str> = matrix.cells[0]
        .levels
        .iter()
        .map(|level| level.value.as_str())
        .collect();
    assert_eq!(levels, ["1", "1", "1", "1"]);
    // Nine is the least for four factors of three levels.
    assert!((9..=13).contains(&matrix.cells.len()), "{}", matrix.cells.len());
    assert_eq!(matrix.omitted, 81 - matrix.cells.len() as u64);
    // Ten to the tenth combinations are no hindrance.
    let ten: Vec<String> = (0..10)
        .map(|i| format!("a.x{i} = {:?}\n", (0..10).collect::<Vec<_>>()))
        .collect();
    let ten = ten.concat();
    let matrix = self::matrix(&format!(
        "design.kind = \"pairwise\"\n[factors]\n{ten}[[exclude]]\na.x3 = [1, 2]\na.x7 = 5"
    ));
    assert!((100..=220).contains(&matrix.cells.len()), "{}", matrix.cells.len());
    assert_eq!(matrix.excluded, 2 * 100_000_000);
    let wide = |name: &str| format!("{name} = {:?}\n", (0..400).collect::<Vec<_>>());
    check_error(
        &format!(
            "design.kind = \"pairwise\"\n[factors]\n{}",
            ["a.a", "a.b", "a.c"].map(wide).concat()
        ),
        true,
        "plan.toml:4: factors: make at least 160000 cells; at most 100000 trials are possible",
    );
}

#[test]
fn pairwise_of_two_factors_is_every_combination() {
    check(
        "design.kind = \"pairwise\"\n[factors]\nlinger.ms = [0, 5]\nacks = ['1', 'all']",
        "0/1 0/all 5/1 5/all",
    );
    check("design.kind = \"pairwise\"\n[factors]\nlinger.ms = [0, 5]", "0 5");
}

/// Factors by their numbers of levels, and exclusions by factor and level.
fn plan_of(counts: &[usize], excludes: &[Vec<(usize, usize)>], kind: &str, seed: u64) -> String {
    use std::fmt::Write;
    let mut text = format!("seed = {seed}\ndesign.kind = \"{kind}\"\n[factors]\n");
    for (i, count) in counts.iter().enumerate() {
        let _ = writeln!(text, "f.x{i} = {:?}", (0..*count).collect::<Vec<_>>());
    }
    for exclude in excludes {
        let named: BTreeSet<(usize, usize)> = exclude
            .iter()
            .map(|(factor, level)| (factor % counts.len(), level % counts[factor % counts.len()]))
            .collect();
        let mut named_already = BTreeSet::new();
        text += "[[exclude]]\n";
        for (factor, level) in named {
            if named_already.insert(factor) {
                let _ = writeln!(text, "f.x{factor} = {level}");
            }
        }
    }
    text
}

type Cells = BTreeSet<Vec<(String, String)>>;

fn cells_of(text: &str) -> Option<Cells> {
    let matrix = Matrix::resolve(&plan(text), true).ok()?;
    let levels = matrix.cells.iter().map(|cell| {
        let levels = cell.levels.iter();
        levels
            .map(|level| (level.factor.clone(), level.value.clone()))
            .collect()
    });
    Some(levels.collect())
}

fn pairs(cells: &Cells) -> BTreeSet<[(String, String); 2]> {
    let of = |cell: &Vec<(String, String)>| {
        let cell = cell.clone();
        let n = cell.len();
        let indices = (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)));
        indices.map(move |(i, j)| [cell[i].clone(), cell[j].clone()])
    };
    cells.iter().flat_map(of).collect()
}

proptest! {
    #[test]
    fn pairwise_has_every_pair_that_any_combination_may_have(
        counts in proptest::collection::vec(1_usize..5, 3..6),
        excludes in proptest::collection::vec(proptest::collection::vec((0_usize..6, 0_usize..4), 1..4), 0..5),
        seed in 0_u64..1000,
    ) {
        let full = cells_of(&plan_of(&counts, &excludes, "full", seed));
        let text = plan_of(&counts, &excludes, "pairwise", seed);
        let some = cells_of(&text);
        prop_assert_eq!(full.is_some(), some.is_some());
        let (Some(full), Some(some)) = (full, some) else {
            return Ok(());
        };
        prop_assert!(some.is_subset(&full));
        prop_assert_eq!(pairs(&some), pairs(&full));
        prop_assert_eq!(some.first(), full.first());
        let matrix = matrix(&text);
        let product = counts.iter().product::<usize>() as u64;
        prop_assert_eq!(matrix.excluded, product - full.len() as u64);
        prop_assert_eq!(matrix.omitted, (full.len() - some.len()) as u64);
        prop_assert_eq!(&matrix, &self::matrix(&text));
    }
}
