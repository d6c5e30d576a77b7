//! Values as what their row and their block contribute, by the normal equations.

use std::collections::BTreeSet;

use super::intervals::Blocks;

/// What each row and each block contributes; those of the blocks have a mean of 0.
pub(super) fn fit(rows: &[Blocks]) -> (Vec<f64>, Blocks) {
    let numbers: BTreeSet<u64> = rows.iter().flat_map(|row| row.keys().copied()).collect();
    let numbers: Vec<u64> = numbers.into_iter().collect();
    let size = rows.len() + numbers.len();
    let mut equations = vec![vec![0.0; size + 1]; size];
    for (row, values) in rows.iter().enumerate() {
        for (block, v) in values {
            let block = rows.len() + numbers.binary_search(block).expect("a block");
            for place in [row, block] {
                equations[place][row] += 1.0;
                equations[place][block] += 1.0;
                equations[place][size] += v;
            }
        }
    }
    // What all rows gain all blocks may lose: this holds them still, and the rest as it is.
    for equation in &mut equations[rows.len()..] {
        equation[rows.len()..size].iter_mut().for_each(|factor| *factor += 1.0);
    }
    let solved = solve(equations);
    let (of_rows, of_blocks) = solved.split_at(rows.len());
    (
        of_rows.to_vec(),
        numbers.into_iter().zip(of_blocks.iter().copied()).collect(),
    )
}

/// The mean row in each block, in block order.
pub(super) fn averaged(rows: &[Blocks]) -> Vec<f64> {
    let (of_rows, blocks) = fit(rows);
    let middle = of_rows.iter().sum::<f64>() / of_rows.len() as f64;
    blocks.values().map(|off| middle + off).collect()
}

/// Gauss and Jordan: each equation holds its factors and what they come to.
fn solve(mut equations: Vec<Vec<f64>>) -> Vec<f64> {
    for place in 0..equations.len() {
        let greatest = |a: &usize, b: &usize| equations[*a][place].abs().total_cmp(&equations[*b][place].abs());
        let pivot = (place..equations.len()).max_by(greatest).expect("an equation");
        equations.swap(place, pivot);
        let scale = equations[place][place];
        equations[place].iter_mut().for_each(|factor| *factor /= scale);
        let done = equations[place].clone();
        for (_, equation) in equations.iter_mut().enumerate().filter(|(other, _)| *other != place) {
            let times = equation[place];
            equation
                .iter_mut()
                .zip(&done)
                .for_each(|(factor, of)| *factor -= times * of);
        }
    }
    equations
        .iter()
        .filter_map(|equation| equation.last().copied())
        .collect()
}

#[test]
fn what_recomputes_is_right_itself() {
    // Rows 1 and 3, blocks −1, 0 and 1, of which the second row lacks one.
    let rows = [
        Blocks::from([(0, 0.0), (1, 1.0), (2, 2.0)]),
        Blocks::from([(0, 2.0), (2, 4.0)]),
    ];
    let close = |told: &[f64], expected: &[f64]| told.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12);
    let (of_rows, blocks) = fit(&rows);
    let blocks: Vec<f64> = blocks.into_values().collect();
    assert!(
        close(&of_rows, &[1.0, 3.0]) && close(&blocks, &[-1.0, 0.0, 1.0]),
        "{of_rows:?} {blocks:?}"
    );
    assert!(close(&averaged(&rows), &[1.0, 2.0, 3.0]));
}
