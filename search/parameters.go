package search

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"

	"autodeeplab/decode"
	"autodeeplab/internal/gorgoniaop"
	"autodeeplab/internal/kernel"
)

// Parameter is one tensor that the search learns.
type Parameter[T kernel.Float] struct {
	Name  string
	Shape []int
	Data  []T
	// Parts are the tensors that a cell's vector of weights is made of, named relative to it; nil for others.
	Parts []gorgoniaop.Param
}

// Parameters are the state of a supernet: what is learnt, and the moving averages of its normalisations. Graphs of
// different image sizes share one.
type Parameters[T kernel.Float] struct {
	Space   Space
	Weights []*Parameter[T] // in the order of the network
	Alpha   *Parameter[T]   // [edges, 8], before softmax
	Beta    *Parameter[T]   // [layers, levels, 3], before softmax; 0 where the trellis has no such move
	Moments []NamedMoments[T]

	byName  map[string]*Parameter[T]
	moments map[string]gorgoniaop.Moments[T]
}

// NamedMoments are the moving averages behind the convolution or cell of that name.
type NamedMoments[T kernel.Float] struct {
	Name string
	gorgoniaop.Moments[T]
}

// stemChannels are those of the stem's convolutions before its last, which ends with Space.Width(0).
const stemChannels = 64

// NewParameters makes the parameters of an untrained supernet. Kernels are uniform within ±√(1/fan-in), as the authors'
// release initialises its backbone, biases 0, and α and β normal with σ 1e-3 (paper §5.1). Every tensor depends on the
// seed and its name alone.
func NewParameters[T kernel.Float](s Space, seed uint64) (*Parameters[T], error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	p := &Parameters[T]{Space: s, byName: map[string]*Parameter[T]{}, moments: map[string]gorgoniaop.Moments[T]{}}

	in := 3
	for i, out := range []int{stemChannels, stemChannels, s.Width(0)} {
		p.kernel(seed, stemName(i), out, in, 3)
		p.norm(stemName(i), out)
		in = out
	}
	for layer := range s.Layers {
		for level := range s.Levels {
			if !s.Exists(layer, level) {
				continue
			}
			c := s.Channels(level)
			for _, t := range s.incoming(layer, level) {
				p.kernel(seed, fromName(t), c, s.Width(t.from), 1)
				p.norm(fromName(t), c)
			}
			previous := s.Exists(layer-2, level)
			if previous {
				p.kernel(seed, previousName(layer, level), c, s.Width(level), 1)
				p.norm(previousName(layer, level), c)
			}
			for _, cell := range s.cells(layer, level) {
				p.cell(seed, cell.name, gorgoniaop.CellLayout{Blocks: s.Blocks, Channels: c, Previous: previous}, len(cell.transitions))
			}
		}
	}
	for level := range s.Levels {
		if !s.Exists(s.Layers-1, level) {
			continue
		}
		c := s.Width(level)
		for _, k := range []struct {
			name string
			size int
		}{{headName(level, "conv1x1"), 1}, {headName(level, "conv3x3"), 3}} {
			p.kernel(seed, k.name, c, c, k.size)
			p.norm(k.name, c)
		}
		p.kernel(seed, headName(level, "pooling"), c, c, 1)
		p.kernel(seed, headName(level, "logits"), s.Classes, 3*c, 1)
		p.add(&Parameter[T]{Name: headName(level, "bias"), Shape: []int{s.Classes}})
	}

	edges := gorgoniaop.AlphaEdges(s.Blocks)
	p.Alpha = &Parameter[T]{Name: "alpha", Shape: []int{edges, decode.NumOperators}, Data: make([]T, edges*decode.NumOperators)}
	p.Beta = &Parameter[T]{Name: "beta", Shape: []int{s.Layers, s.Levels, numMoves}, Data: make([]T, s.Layers*s.Levels*numMoves)}
	live := s.liveMoves()
	for _, a := range []*Parameter[T]{p.Alpha, p.Beta} {
		r := generator(seed, a.Name)
		for i := range a.Data {
			if v := r.NormFloat64() * 1e-3; a == p.Alpha || live[i] {
				a.Data[i] = T(v)
			}
		}
	}
	return p, nil
}

func stemName(i int) string            { return fmt.Sprintf("stem/%d", i) }
func nodeName(layer, level int) string { return fmt.Sprintf("layer%d/level%d", layer, level) }
func fromName(t transition) string {
	return fmt.Sprintf("%s/from%d", nodeName(t.layer, t.to()), t.from)
}
func previousName(layer, level int) string { return nodeName(layer, level) + "/previous" }
func headName(level int, part string) string {
	return fmt.Sprintf("head/level%d/%s", level, part)
}

// generator gives a tensor's source of random numbers.
func generator(seed uint64, name string) *rand.Rand {
	h := sha256.Sum256(append(binary.LittleEndian.AppendUint64([]byte("autodeeplab search\x00"), seed), name...))
	return rand.New(rand.NewChaCha8(h))
}

func (p *Parameters[T]) add(q *Parameter[T]) {
	n := 1
	for _, d := range q.Shape {
		n *= d
	}
	q.Data = make([]T, n)
	p.Weights = append(p.Weights, q)
	p.byName[q.Name] = q
}

func (p *Parameters[T]) kernel(seed uint64, name string, out, in, size int) {
	q := &Parameter[T]{Name: name, Shape: []int{out, in, size, size}}
	p.add(q)
	uniform(generator(seed, name), q.Data, in*size*size)
}

func (p *Parameters[T]) cell(seed uint64, name string, l gorgoniaop.CellLayout, transitions int) {
	q := &Parameter[T]{Name: name, Shape: []int{l.Weights()}, Parts: l.Params()}
	p.add(q)
	for _, part := range q.Parts {
		uniform(generator(seed, name+"/"+part.Name), q.Data[part.Offset:][:part.Size()], part.FanIn)
	}
	p.norm(name, l.Moments(transitions))
}

func (p *Parameters[T]) norm(name string, channels int) {
	m := gorgoniaop.NewMoments[T](channels)
	p.Moments = append(p.Moments, NamedMoments[T]{name, m})
	p.moments[name] = m
}

func uniform[T kernel.Float](r *rand.Rand, data []T, fanIn int) {
	bound := math.Sqrt(1 / float64(fanIn))
	for i := range data {
		data[i] = T(float64(2*r.Float64()-1) * bound)
	}
}

// Count is the number of weights, α and β not among them.
func (p *Parameters[T]) Count() int {
	n := 0
	for _, w := range p.Weights {
		n += len(w.Data)
	}
	return n
}
