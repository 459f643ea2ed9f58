package runtime

import (
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"time"

	"autodeeplab/internal/offheap"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime/internal/exec"
)

// memory is what one run works in. It belongs to a plan and is handed from run to run.
type memory struct {
	arena *offheap.Block
	ctx   exec.Context
	// tensors by value number. Those in the arena, aliases of them and constants stay from run to run.
	tensors []*tensor.Tensor
	in, out [][]*tensor.Tensor // by step: the arguments of its kernel
	late    int                // bytes of the tensors whose shapes only this run could tell
}

func (s *session) Run(ctx context.Context, inputs map[string]*tensor.Tensor) (_ map[string]*tensor.Tensor, err error) {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	defer recovered("running the model", &err)
	args, err := s.arguments(inputs)
	if err != nil {
		return nil, err
	}
	p, err := s.planFor(args)
	if err != nil {
		return nil, err
	}
	mem := p.take()
	if mem == nil {
		if mem, err = s.newMemory(p); err != nil {
			return nil, err
		}
	}
	mem.ctx.Ctx, mem.late = ctx, 0
	for i, n := range s.inNum {
		mem.tensors[n] = args[i]
	}
	if err := s.runSteps(ctx, p, mem); err != nil {
		return nil, err // mem is dropped: what a failed run leaves behind is not worth trusting
	}
	out := make(map[string]*tensor.Tensor, len(s.outNum))
	for _, n := range s.outNum {
		t := mem.tensors[n]
		if p.slots[n].home != inHeap && p.slots[n].home != atRun {
			t = t.Clone() // an input or a constant that is also an output
		}
		out[s.values[n].name] = t
	}
	p.release(mem)
	return out, nil
}

// arguments orders the inputs as the graph does, checking names, types and shapes against what the model declares.
func (s *session) arguments(inputs map[string]*tensor.Tensor) ([]*tensor.Tensor, error) {
	args := make([]*tensor.Tensor, len(s.inputs))
	for i := range s.inputs {
		v := &s.inputs[i]
		t, ok := inputs[v.Name]
		if !ok || t == nil {
			return nil, fmt.Errorf("%w: %q is missing; the model wants %s", ErrInput, v.Name, v)
		}
		if n, err := tensor.NumElems(t.Shape); err != nil || n != t.Len() {
			return nil, fmt.Errorf("%w: %q has %d elements for shape %s", ErrInput, v.Name, t.Len(), tensor.FormatShape(t.Shape))
		}
		if t.DType != v.DType || v.HasRank() && !fits(t.Shape, v.Dims) {
			return nil, fmt.Errorf("%w: %q is %s; the model wants %s", ErrInput, v.Name, t, v.Info.String())
		}
		args[i] = t
	}
	if len(inputs) > len(args) {
		for _, name := range sortedKeys(inputs) {
			if !slices.ContainsFunc(s.inputs, func(v Value) bool { return v.Name == name }) {
				return nil, fmt.Errorf("%w: the model has no input %q; it has %v", ErrInput, name, s.inputs)
			}
		}
	}
	return args, nil
}

func sortedKeys(m map[string]*tensor.Tensor) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func fits(shape []int, dims []op.Dim) bool {
	if len(shape) != len(dims) {
		return false
	}
	for i, d := range dims {
		if d.IsKnown() && d.Size != shape[i] {
			return false
		}
	}
	return true
}

func (s *session) newMemory(p *plan) (*memory, error) {
	mem := &memory{
		arena:   offheap.New(p.bytes),
		ctx:     exec.Context{Pool: s.pool},
		tensors: make([]*tensor.Tensor, len(s.values)),
		in:      make([][]*tensor.Tensor, len(s.steps)),
		out:     make([][]*tensor.Tensor, len(s.steps)),
	}
	for n, sl := range p.slots {
		switch sl.home {
		case fixed:
			mem.tensors[n] = sl.known
		case inArena:
			sizes, _ := p.infos[n].Sizes()
			t, err := tensor.View(mem.arena.Bytes()[sl.offset:], p.infos[n].DType, sizes)
			if err != nil {
				return nil, fmt.Errorf("value %q: %w", s.values[n].name, err)
			}
			mem.tensors[n] = t
		}
	}
	for i := range s.steps {
		mem.in[i] = make([]*tensor.Tensor, len(s.steps[i].in))
		mem.out[i] = make([]*tensor.Tensor, len(s.steps[i].out))
	}
	return mem, nil
}

// release keeps the memory for the next run of the same shapes, without the tensors that belong to the caller.
func (p *plan) release(mem *memory) {
	for n, sl := range p.slots {
		if sl.home != fixed && sl.home != inArena {
			mem.tensors[n] = nil
		}
	}
	for i := range mem.in {
		clear(mem.in[i])
		clear(mem.out[i])
	}
	mem.ctx.Ctx = nil
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) < goruntime.GOMAXPROCS(0) {
		p.idle = append(p.idle, mem)
	}
}

// take gives memory that a run of the same shapes has left, nil if there is none.
func (p *plan) take() *memory {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.idle) - 1
	if last < 0 {
		return nil
	}
	mem := p.idle[last]
	p.idle = p.idle[:last]
	return mem
}

func (s *session) runSteps(ctx context.Context, p *plan, mem *memory) error {
	for i := range s.steps {
		if p.skip[i] {
			s.tapKnown(mem, i)
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.runStep(p, mem, i); err != nil {
			return s.steps[i].fail(err)
		}
	}
	return nil
}

func (s *session) runStep(p *plan, mem *memory, i int) (err error) {
	st := &s.steps[i]
	defer recovered("computing it", &err)
	in, out := mem.in[i], mem.out[i]
	for k, n := range st.in {
		if n >= 0 {
			in[k] = mem.tensors[n]
		}
	}
	var late []op.Info // the outputs' shapes, if only this run can tell them
	for k, n := range st.out {
		if n < 0 {
			continue
		}
		switch sl := p.slots[n]; sl.home {
		case fixed: // its node runs for another output's sake; what it writes here is thrown away
			if mem.tensors[n] != nil {
				out[k] = mem.tensors[n].Clone()
			}
			continue
		case inHeap:
			sizes, _ := p.infos[n].Sizes()
			if out[k], err = tensor.New(p.infos[n].DType, sizes); err != nil {
				return err
			}
		case aliased:
			sizes, _ := p.infos[n].Sizes()
			out[k] = &tensor.Tensor{DType: in[0].DType, Shape: sizes, Data: in[0].Data}
		case inArena:
			out[k] = mem.tensors[n]
			continue
		case atRun:
			if late == nil {
				if late, err = s.lateShapes(st, in); err != nil {
					return err
				}
			}
			sizes, ok := late[k].Sizes()
			if !ok {
				return fmt.Errorf("the shape of output %q is not known even at run time", s.values[n].name)
			}
			elems, err := tensor.NumElems(sizes) // at most Limits.MaxElems, inference has seen to it
			if err != nil {
				return err
			}
			mem.late += elems * late[k].DType.Size()
			if err := s.checkMemory(p.total + mem.late); err != nil {
				return err
			}
			if out[k], err = tensor.New(late[k].DType, sizes); err != nil {
				return err
			}
		}
		mem.tensors[n] = out[k]
	}
	if s.observe == nil {
		err = st.kernel.Run(&mem.ctx, in, out)
	} else {
		began, cpu := time.Now(), CPUTime()
		if err = st.kernel.Run(&mem.ctx, in, out); err == nil {
			s.observe(st.observed(mem, in, out, time.Since(began), CPUTime()-cpu))
		}
	}
	mem.ctx.Reset()
	if s.tap != nil && err == nil {
		for k, n := range st.out {
			if n >= 0 && out[k] != nil {
				s.tap(s.values[n].name, out[k])
			}
		}
	}
	return err
}

// tapKnown shows the outputs of a node that needs no run to the session's tap.
func (s *session) tapKnown(mem *memory, i int) {
	if s.tap == nil {
		return
	}
	for _, n := range s.steps[i].out {
		if n >= 0 && mem.tensors[n] != nil {
			s.tap(s.values[n].name, mem.tensors[n])
		}
	}
}

// lateShapes runs the shape rule again, now that the inputs' contents are there.
func (s *session) lateShapes(st *step, in []*tensor.Tensor) ([]op.Info, error) {
	if k, ok := st.kernel.(exec.Shaper); ok {
		shape, err := k.Shape(in)
		if err != nil {
			return nil, err
		}
		info := op.Of(in[0].DType, shape...)
		elems, err := tensor.NumElems(shape)
		if err == nil && elems > s.limits.MaxElems {
			err = fmt.Errorf("%w: an output of %d elements, at most %d are allowed", op.ErrLimit, elems, s.limits.MaxElems)
		}
		return []op.Info{info}, err
	}
	c := *st.info.Call
	c.In = make([]*op.Info, len(in))
	for k, t := range in {
		if t != nil {
			info := op.Const(t)
			c.In[k] = &info
		}
	}
	c.Out = make([]op.Info, len(st.out))
	if err := op.Infer(&c); err != nil {
		return nil, err
	}
	return c.Out, nil
}
