// Package exec binds ONNX nodes to kernels: one file an operator family, each with a table of binders. A binder runs
// once, when a session is made; the kernel it returns runs many times and concurrently.
package exec

import (
	"context"
	"fmt"

	"autodeeplab/internal/kernel"
	"autodeeplab/internal/offheap"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// Node is what a binder knows of a node: the resolved schema, attributes and what shape inference found of the inputs
// and outputs at load. Element types are known; dimensions may not be (they can depend on the run's inputs).
// In[i].Value holds the contents of inputs that are constants, so that weights can be packed once.
type Node struct {
	Name string
	// Outputs are the outputs' names, "" for one that is left out.
	Outputs []string
	// Later says that input 1 is a constant whose contents are there when the node is bound, but not before.
	Later bool
	// Relu asks for the output under a Relu. Only nodes that TakesRelu agreed to are asked.
	Relu bool
	*op.Call
}

// Kernel computes one node. Run may be called from several goroutines at once, each with its own Context and tensors.
//
// in[i] is nil where the optional input i is left out (and in may be shorter than the schema's list); out[i] is nil
// where the output has no name. The tensors of out have the types and shapes that the shape rule gave, and
// uninitialised contents: Run must write every element. An output never overlaps an input, except for the operators in
// Views, where out[0].Data may be in[0].Data itself, and for Concat, whose inputs may lie where they belong already.
type Kernel interface {
	Run(c *Context, in, out []*tensor.Tensor) error
}

// KernelFunc is a Kernel without state.
type KernelFunc func(c *Context, in, out []*tensor.Tensor) error

// Run calls f.
func (f KernelFunc) Run(c *Context, in, out []*tensor.Tensor) error { return f(c, in, out) }

// Describer is a Kernel that can say for a profile what a Run with such arguments does: how, where it has a choice, and
// how many multiply-adds the operator's definition takes, taps in the padding included.
type Describer interface {
	Describe(c *Context, in, out []*tensor.Tensor) (method string, multiplyAdds int64)
}

// Packer is a Kernel that packs its weights when it is bound. Packed reports that it has all forms that it will ever
// need, so that of the weights' tensor a Run reads the shape alone.
type Packer interface{ Packed() bool }

// Binder makes the kernel of a node. It refuses, with an error that says what is supported, every attribute value and
// element type that the kernel does not implement: never a silent wrong answer. Errors do not name the node.
type Binder func(n *Node) (Kernel, error)

// Views lists the operators whose output 0 is input 0 under another shape, so that both may share memory.
var Views = map[string]bool{"Reshape": true, "Flatten": true, "Squeeze": true, "Unsqueeze": true, "Identity": true}

// Bind finds the binder of a node's operator and runs it.
func Bind(n *Node) (Kernel, error) {
	b, ok := binders[n.Schema.Name]
	if !ok {
		return nil, fmt.Errorf("%w %s: the embedded runtime has no kernel for it", op.ErrUnknownOp, n.Schema.Name)
	}
	return b(n)
}

// Claimed reports whether the runtime has a kernel for an operator.
func Claimed(opType string) bool { _, ok := binders[opType]; return ok }

// binders joins the tables of the family files.
var binders = func() map[string]Binder {
	all := make(map[string]Binder)
	for _, family := range families {
		for name, b := range family {
			if _, twice := all[name]; twice {
				panic("exec: two binders for " + name)
			}
			all[name] = b
		}
	}
	return all
}()

// ErrType makes the error for an input whose element type the kernel does not implement.
func ErrType(n *Node, input int, want ...tensor.DType) error {
	return fmt.Errorf("input %q of type %s is not supported by the embedded runtime (it supports %v)", n.InputName(input), n.In[input].DType, want)
}

// Context is what a running kernel may use besides its tensors. It belongs to one Run of one session.
type Context struct {
	Ctx  context.Context
	Pool *kernel.Pool

	slab []float32
	// memory is slab's; it lives as long as the Context.
	memory *offheap.Block
	used   int
	need   int
}

// Scratch gives n float32 of uninitialised memory that is the kernel's own until its Run returns.
func (c *Context) Scratch(n int) []float32 {
	c.need += n
	if c.used+n > len(c.slab) {
		return make([]float32, n)
	}
	s := c.slab[c.used : c.used+n : c.used+n]
	c.used += n
	return s
}

// Reset takes all scratch memory back; the session calls it after each kernel. The slab grows to what the most
// demanding kernel asked for, so that a second run of the same shapes allocates nothing.
func (c *Context) Reset() {
	if c.need > len(c.slab) {
		c.memory = offheap.New(4 * c.need)
		c.slab = c.memory.Floats()
	}
	c.used, c.need = 0, 0
}
