package runtime

import "autodeeplab/onnx/tensor"

// joinInPlace lets the inputs of a Concat be written straight into its output, so that it has nothing left to copy: those
// that lie in the arena anyway, where the axes before the joined one are 1 long and each input so is one stretch of the
// output.
//
//	a → ┐                        a → [ c       ]
//	b → ┴ Concat → c   becomes   b → [ . . . . ]
//
// Whoever else reads a or b does not notice. c lives from when the first of them is written.
func (s *session) joinInPlace(p *plan) {
	for i := range s.steps {
		st := &s.steps[i]
		if p.skip[i] || st.info.Node.GetOpType() != "Concat" || p.slots[st.out[0]].home != inArena || !p.joinsStretches(st) {
			continue
		}
		offset, seen := 0, make(map[int]bool)
		for _, n := range st.in {
			if p.slots[n].home == inArena && !seen[n] && n != st.out[0] {
				p.slots[n] = slot{home: partOf, of: st.out[0], offset: offset}
			}
			seen[n] = true
			offset += p.bytesOf(n)
		}
	}
}

// joinsStretches reports whether the shapes of a Concat's inputs are known and all axes before the joined one 1 long.
func (p *plan) joinsStretches(st *step) bool {
	for _, n := range st.in {
		if n < 0 {
			return false
		}
		if _, ok := p.infos[n].Sizes(); !ok {
			return false
		}
	}
	sizes, ok := p.infos[st.out[0]].Sizes()
	axis := st.info.Call.Attrs.Int("axis")
	if axis < 0 {
		axis += len(sizes)
	}
	if !ok || axis < 0 || axis >= len(sizes) {
		return false
	}
	for _, n := range sizes[:axis] {
		if n != 1 {
			return false
		}
	}
	return true
}

// bytesOf is the memory that a value of known shape takes.
func (p *plan) bytesOf(n int) int {
	sizes, _ := p.infos[n].Sizes()
	elems, _ := tensor.NumElems(sizes)
	return elems * p.infos[n].DType.Size()
}

// settleParts gives parts their place in the arena, once that of their owner is known.
func (p *plan) settleParts() {
	var settle func(n int) slot
	settle = func(n int) slot {
		if sl := p.slots[n]; sl.home == partOf {
			p.slots[n] = slot{home: inArena, offset: settle(sl.of).offset + sl.offset}
		}
		return p.slots[n]
	}
	for n := range p.slots {
		settle(n)
	}
}
