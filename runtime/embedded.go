package runtime

import (
	"errors"
	"fmt"
	goruntime "runtime"
	"runtime/debug"
	"sync"

	"autodeeplab/internal/kernel"
	"autodeeplab/onnx"
	"autodeeplab/onnx/check"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
	"autodeeplab/runtime/internal/exec"
)

// Embedded is the project's own engine: no cgo, no shared library.
var Embedded Engine = embedded{}

type embedded struct{}

func (embedded) Name() string { return "runtime" }

func (e embedded) Load(path string, o Options) (Session, error) {
	m, err := onnx.Load(path, o.File)
	if err != nil {
		return nil, err
	}
	large := onnxBytes(m) > maxGarbage
	s, err := e.LoadModel(m, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if large {
		debug.FreeOSMemory() // the file's bytes
	}
	return s, nil
}

func (embedded) LoadModel(m *onnx.Model, o Options) (_ Session, err error) {
	defer recovered("loading the model", &err)
	return newSession(m, o)
}

// ErrClosed is returned by Run on a session that has been closed.
var ErrClosed = errors.New("the session is closed")

// ErrInput is wrapped by the errors for inputs that are missing, unknown, or of another type or shape than the model
// declares.
var ErrInput = errors.New("bad input")

// Claims reports whether the embedded engine has a kernel for an operator of ai.onnx.
func Claims(opType string) bool { return exec.Claimed(opType) }

// recovered turns a panic into an error. It is the last resort that keeps a defect in a rule or kernel, met by a model
// nobody thought of, from taking the program down.
func recovered(doing string, err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("internal error while %s: %v", doing, v)
	}
}

// session is a loaded model. All of it but the caches is read-only after newSession.
type session struct {
	graph   *check.Graph
	limits  *op.Limits
	inputs  []Value
	outputs []Value
	meta    map[string]string
	steps   []step
	values  []value        // by value number
	numbers map[string]int // value name → number
	inNum   []int          // graph inputs
	outNum  []int          // graph outputs
	pool    *kernel.Pool
	observe func(NodeRun)
	tap     func(string, *tensor.Tensor)
	unfused bool

	use    sync.RWMutex // held for reading by each Run, for writing by Close
	closed bool

	mu    sync.Mutex
	plans map[string]*plan
	order []string // keys of plans, oldest first
}

// value is one tensor of the graph.
type value struct {
	name     string
	constant *tensor.Tensor // an initializer's contents
	output   bool           // a graph output: its memory goes to the caller
}

// step is one node, ready to run. In and out are value numbers, −1 for what is left out.
type step struct {
	info    *check.NodeInfo
	kernel  exec.Kernel
	in, out []int
	view    bool
}

func (s *step) fail(err error) error {
	return &check.NodeError{Index: s.info.Index, Name: s.info.Node.GetName(), Op: s.info.Node.GetOpType(), Err: err}
}

func newSession(m *onnx.Model, o Options) (*session, error) {
	limits := o.Limits
	if limits == nil {
		limits = &op.DefaultLimits
	}
	later := packedWeights(m)
	g, err := check.PrepareBut(m, limits, later)
	if err != nil {
		return nil, err
	}
	r, err := g.Infer(nil)
	if err != nil {
		return nil, err
	}
	s := &session{graph: g, limits: limits, observe: o.Observe, tap: o.Tap, unfused: o.Unfused, meta: onnx.Metadata(m), numbers: make(map[string]int), plans: make(map[string]*plan)}
	s.number(m, g)
	g.Model = withoutInitializers(m)
	for _, n := range s.inNum {
		name := s.values[n].name
		s.inputs = append(s.inputs, Value{Name: name, Info: *r.Values[name]})
	}
	for _, out := range m.GetGraph().GetOutput() {
		name := out.GetName()
		info := *r.Values[name]
		info.Value, info.Shape = nil, nil
		s.outputs = append(s.outputs, Value{Name: name, Info: info})
	}
	f := s.newFusion(r.Nodes)
	bytes, gone, err := f.bytes()
	if err != nil {
		return nil, err
	}
	into := f.relus(gone, later)
	at := make([]int, len(r.Nodes)) // the step of each node
	relu := make([]bool, len(r.Nodes))
	garbage := 0
	for _, k := range into {
		if k >= 0 {
			relu[k] = true
		}
	}
	for i, n := range r.Nodes {
		out := s.nums(n.Node.GetOutput())
		if b, ok := bytes[i]; ok {
			at[i] = len(s.steps)
			s.steps = append(s.steps, step{info: b.info, in: s.nums(b.in), out: out, kernel: b.kernel})
			continue
		}
		if gone[i] {
			continue
		}
		if k := into[i]; k >= 0 {
			s.steps[at[k]].out = out
			continue
		}
		st := step{info: n, in: s.nums(n.Node.GetInput()), out: out, view: exec.Views[n.Node.GetOpType()]}
		node := execNode(n, later)
		node.Relu = relu[i]
		if err := s.decodeWeights(node, n.Node, later); err != nil {
			return nil, st.fail(err)
		}
		if st.kernel, err = exec.Bind(node); err != nil {
			return nil, st.fail(err)
		}
		garbage += s.keepWeights(node, st, later)
		if garbage > maxGarbage {
			goruntime.GC()
			garbage = 0
		}
		at[i] = len(s.steps)
		s.steps = append(s.steps, st)
	}
	threads := o.Threads
	if threads <= 0 {
		threads = goruntime.GOMAXPROCS(0)
	}
	s.pool = kernel.NewPool(threads)
	return s, nil
}

// number gives every value of the graph its number.
func (s *session) number(m *onnx.Model, g *check.Graph) {
	add := func(name string, t *tensor.Tensor) int {
		n := len(s.values)
		s.numbers[name] = n
		s.values = append(s.values, value{name: name, constant: t})
		return n
	}
	for _, t := range m.GetGraph().GetInitializer() {
		add(t.GetName(), g.Consts[t.GetName()].Value)
	}
	for _, in := range g.Inputs {
		s.inNum = append(s.inNum, add(in.GetName(), nil))
	}
	for _, i := range g.Order {
		for _, out := range m.GetGraph().GetNode()[i].GetOutput() {
			if out != "" {
				add(out, nil)
			}
		}
	}
	for _, out := range m.GetGraph().GetOutput() {
		n := s.numbers[out.GetName()]
		s.values[n].output = true
		s.outNum = append(s.outNum, n)
	}
}

func (s *session) nums(names []string) []int {
	out := make([]int, len(names))
	for i, name := range names {
		out[i] = -1
		if name != "" {
			out[i] = s.numbers[name]
		}
	}
	return out
}

func (s *session) Inputs() []Value             { return s.inputs }
func (s *session) Outputs() []Value            { return s.outputs }
func (s *session) Metadata() map[string]string { return s.meta }

func (s *session) Close() error {
	s.use.Lock()
	defer s.use.Unlock()
	if !s.closed {
		s.closed = true
		s.pool.Close()
	}
	return nil
}
