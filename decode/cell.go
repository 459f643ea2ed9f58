package decode

import (
	"math"
	"slices"
)

// EdgeChoice is what a search says of one edge of the cell.
type EdgeChoice struct {
	Block, Input int // the edge goes from state Input to Block
	// Kept says that the edge is one of its block's two strongest, and Branch which of the block's branches it became;
	// -1 where it was dropped.
	Kept   bool
	Branch int
	// Op is the operator with the largest weight other than [None], and Strength that weight, which is also the edge's.
	Op       Operator
	Strength float64
	// RunnerUp is the operator with the next largest weight other than None.
	RunnerUp         Operator
	RunnerUpStrength float64
	// None is the weight of [None]: what the search would rather not have at all.
	None float64
}

// Margin is by how much the chosen operator outweighs the runner-up.
func (e *EdgeChoice) Margin() float64 { return e.Strength - e.RunnerUpStrength }

// BlockChoice is what a search says of which edges a block keeps.
type BlockChoice struct {
	// Inputs are the states of the two branches, the stronger first.
	Inputs [2]int
	// Dropped is the state of the strongest edge that was not kept, -1 where the block has only two edges.
	Dropped int
	// Margin is by how much the weaker branch's strength exceeds that of the dropped edge; +Inf where there is none.
	Margin float64
}

// decodeCell keeps of each block the two edges with the largest weight of an operator other than None, each with that
// operator (spec §6). Ties go to the operator and to the state of lower number. The stronger branch comes first. Edges of
// a block come from different states, so no block reads a state twice.
func (r *Relaxation) decodeCell() (cell []Block, blocks []BlockChoice, edges []EdgeChoice) {
	logs, weights := r.eachEdge(logSoftmax), r.EdgeWeights()
	for i := range r.Blocks {
		first := EdgeIndex(i, 0)
		order := make([]int, 2+i)
		strength := make([]float64, 2+i) // logarithms, which tell weights near 1 apart
		for input := range order {
			row := weights[(first+input)*NumOperators:][:NumOperators]
			best, second := twoLargest(r.Alpha[(first+input)*NumOperators:][:NumOperators])
			order[input], strength[input] = input, logs[(first+input)*NumOperators+int(best)]
			edges = append(edges, EdgeChoice{
				Block: i, Input: input, Branch: -1,
				Op: best, Strength: row[best],
				RunnerUp: second, RunnerUpStrength: row[second],
				None: row[None],
			})
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case strength[a] > strength[b]:
				return -1
			case strength[a] < strength[b]:
				return 1
			}
			return 0
		})
		var block Block
		choice := BlockChoice{Dropped: -1, Margin: math.Inf(1)}
		for branch, input := range order[:2] {
			e := &edges[first+input]
			e.Kept, e.Branch = true, branch
			block[branch], choice.Inputs[branch] = Branch{Input: input, Op: e.Op}, input
		}
		if len(order) > 2 {
			choice.Dropped = order[2]
			choice.Margin = edges[first+order[1]].Strength - edges[first+order[2]].Strength
		}
		cell, blocks = append(cell, block), append(blocks, choice)
	}
	return cell, blocks, edges
}

// twoLargest returns the operators other than None with the largest and the next largest logit, and so weight.
func twoLargest(row []float32) (best, second Operator) {
	best, second = None, None
	for op := None + 1; int(op) < NumOperators; op++ {
		switch {
		case best == None || row[op] > row[best]:
			best, second = op, best
		case second == None || row[op] > row[second]:
			second = op
		}
	}
	return best, second
}
