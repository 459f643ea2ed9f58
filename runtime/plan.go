package runtime

import (
	"fmt"
	"slices"
	"sync"

	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// plan is what a session works out once for each combination of input shapes: the shape of every value, which nodes
// need not run because inference already knows their contents, and where in one arena each intermediate tensor lies.
type plan struct {
	infos []*op.Info // by value number; nil for values that inference did not reach
	slots []slot     // by value number
	skip  []bool     // by step: all outputs are known contents
	bytes int        // size of the arena
	total int        // and of the tensors outside of it whose shapes are known before a run

	// idle holds the memory of runs that have ended, for the next ones: of as many as can run at once.
	mu   sync.Mutex
	idle []*memory
}

// home says where a value's contents live.
type home uint8

const (
	atRun   home = iota // made while running: its shape is not known before
	fixed               // an initializer, or contents that inference computed
	given               // a graph input
	inArena             // at slot.offset of the arena
	inHeap              // a tensor of its own: graph outputs, strings
	aliased             // the memory of another value: slot.of
	partOf              // slot.offset bytes into the memory of slot.of, which joins it with others
)

type slot struct {
	home   home
	offset int
	of     int // the value that owns the memory, for aliased and partOf
	known  *tensor.Tensor
}

// maxPlans bounds how many input shapes a session remembers.
const maxPlans = 16

// planFor finds or makes the plan for the given input shapes.
func (s *session) planFor(inputs []*tensor.Tensor) (*plan, error) {
	key := ""
	for _, t := range inputs {
		key += tensor.FormatShape(t.Shape)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.plans[key]; ok {
		return p, nil
	}
	p, err := s.newPlan(inputs)
	if err != nil {
		return nil, err
	}
	if len(s.order) == maxPlans {
		delete(s.plans, s.order[0])
		s.order = s.order[1:]
	}
	s.plans[key] = p
	s.order = append(s.order, key)
	return p, nil
}

func (s *session) newPlan(inputs []*tensor.Tensor) (*plan, error) {
	shapes := make(map[string]op.Info, len(inputs))
	for i, t := range inputs {
		shapes[s.inputs[i].Name] = op.Of(t.DType, t.Shape...)
	}
	r, err := s.graph.Infer(shapes)
	if err != nil {
		return nil, err
	}
	p := &plan{infos: make([]*op.Info, len(s.values)), slots: make([]slot, len(s.values)), skip: make([]bool, len(s.steps))}
	for n := range s.values {
		v := &s.values[n]
		p.infos[n] = r.Values[v.name]
		if v.constant != nil {
			p.slots[n] = slot{home: fixed, known: v.constant}
		}
	}
	for _, n := range s.inNum {
		p.slots[n] = slot{home: given}
	}
	for i := range s.steps {
		s.place(p, i)
	}
	s.joinInPlace(p)
	p.arrange(s.lifetimes(p))
	p.settleParts()
	p.total = p.bytes
	for n, sl := range p.slots {
		if sl.home == inHeap {
			p.total += p.bytesOf(n)
		}
	}
	return p, s.checkMemory(p.total)
}

// checkMemory refuses a run whose tensors take so many bytes. Sums cannot overflow: a tensor has at most
// Limits.MaxElems elements, a file at most onnx.DefaultMaxParts of them.
func (s *session) checkMemory(bytes int) error {
	most := s.limits.MaxMemory
	if most == 0 {
		most = op.DefaultLimits.MaxMemory
	}
	if bytes > most {
		return fmt.Errorf("%w: the tensors of one run would take %d bytes, at most %d are allowed (--limit run-bytes)", op.ErrLimit, bytes, most)
	}
	return nil
}

// place decides where the outputs of step i live, arena offsets apart.
func (s *session) place(p *plan, i int) {
	st := &s.steps[i]
	known := 0
	for k, n := range st.out {
		if n < 0 {
			known++
			continue
		}
		info := p.infos[n]
		_, ok := info.Sizes()
		switch {
		case info.Value != nil:
			p.slots[n] = slot{home: fixed, known: info.Value}
			known++
		case !ok:
			p.slots[n] = slot{home: atRun}
		case s.values[n].output || info.DType == tensor.String:
			p.slots[n] = slot{home: inHeap}
		case st.view && k == 0 && p.shareable(st.in[0]):
			p.slots[n] = slot{home: aliased, of: p.owner(st.in[0])}
		default:
			p.slots[n] = slot{home: inArena}
		}
	}
	p.skip[i] = known == len(st.out)
}

// shareable reports whether another value may lie in n's memory for as long as it likes: that of a graph output belongs
// to the caller, and a value made at run time has none to plan with.
func (p *plan) shareable(n int) bool {
	switch p.slots[n].home {
	case fixed, given, inArena, aliased:
		return true
	}
	return false
}

// owner follows aliases and parts to the value whose memory it is.
func (p *plan) owner(n int) int {
	for p.slots[n].home == aliased || p.slots[n].home == partOf {
		n = p.slots[n].of
	}
	return n
}

// lifetime is the span of steps, first to last inclusive, in which a tensor of the arena is written or read.
type lifetime struct {
	value, bytes, first, last int
}

func (s *session) lifetimes(p *plan) []lifetime {
	at := make(map[int]int) // value number → index into lives
	var lives []lifetime
	for i := range s.steps {
		st := &s.steps[i]
		if p.skip[i] {
			continue
		}
		for _, n := range st.in {
			if n >= 0 {
				if k, ok := at[p.owner(n)]; ok {
					lives[k].last = i
				}
			}
		}
		for _, n := range st.out {
			if n < 0 || p.slots[n].home != inArena && p.slots[n].home != partOf {
				continue
			}
			o := p.owner(n)
			if k, ok := at[o]; ok { // another part of it was written before
				lives[k].last = i
				continue
			}
			at[o] = len(lives)
			lives = append(lives, lifetime{value: o, bytes: alignUp(p.bytesOf(o)), first: i, last: i})
		}
	}
	return lives
}

// arenaAlign keeps every tensor on a cache line, and AVX-512 loads within one.
const arenaAlign = 64

func alignUp(n int) int { return (n + arenaAlign - 1) &^ (arenaAlign - 1) }

// arrange gives each lifetime its place in the arena: the largest first, each at the lowest offset where it overlaps
// no placed tensor that lives at the same time ("greedy by size", Pisarchyk and Lee 2020, arXiv:2001.03288).
func (p *plan) arrange(lives []lifetime) {
	bySize := slices.Clone(lives)
	slices.SortStableFunc(bySize, func(a, b lifetime) int { return b.bytes - a.bytes })
	var placed []lifetime // sorted by offset
	for _, l := range bySize {
		offset := 0
		for _, q := range placed {
			if q.last < l.first || l.last < q.first {
				continue
			}
			start := p.slots[q.value].offset
			if start-offset >= l.bytes {
				break
			}
			offset = max(offset, start+q.bytes)
		}
		p.slots[l.value].offset = offset
		p.bytes = max(p.bytes, offset+l.bytes)
		at, _ := slices.BinarySearchFunc(placed, offset, func(q lifetime, o int) int { return p.slots[q.value].offset - o })
		placed = slices.Insert(placed, at, l)
	}
}
