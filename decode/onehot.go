package decode

// Logits of [OneHot]. The first branch of a block stands out a little more than the second, because decoding puts the
// stronger first; both leave less than 0.001 to all other operators together.
const (
	oneHotFirst  = 24
	oneHotSecond = 12
)

// OneHot returns a relaxation, of all [NumLevels] levels, that decodes to a itself but for its name: the operators of a
// have all the weight on their edges, [None] on all other edges, and the moves of a's path at its nodes.
//
// It returns nil where a is not valid, or has a block that reads one state twice: decoding keeps edges, and there is one
// edge from a state to a block, so that no relaxation gives such a block.
func OneHot(a *Architecture) *Relaxation {
	if a.Validate() != nil {
		return nil
	}
	r := NewRelaxation(a.NumBlocks(), a.Layers(), NumLevels)
	for i, block := range a.Cell {
		if block[0].Input == block[1].Input {
			return nil
		}
		for input := range 2 + i {
			op, logit := None, float32(oneHotFirst)
			for j, branch := range block {
				if branch.Input == input {
					op, logit = branch.Op, [2]float32{oneHotFirst, oneHotSecond}[j]
				}
			}
			r.Alpha[EdgeIndex(i, input)*NumOperators+int(op)] = logit
		}
	}
	from := 0
	for l, k := range a.Path {
		r.Beta[r.betaIndex(l, from, int(a.Move(l)))] = oneHotFirst
		from = k
	}
	return r
}
