// Package runtime runs ONNX models. Its own engine, Embedded, is pure Go and Go assembly; runtime/onnxruntime puts
// ONNX Runtime behind the same interface, and runtime/onnxgo lets programs written for onnx-go use the embedded one.
package runtime

import (
	"context"
	"fmt"

	"autodeeplab/onnx"
	"autodeeplab/onnx/op"
	"autodeeplab/onnx/tensor"
)

// Engine loads models.
type Engine interface {
	// Name is what --engine calls it: "runtime" (embedded) or "onnxruntime".
	Name() string
	// Load reads an .onnx file (with its external data, from the same folder) and prepares it to run.
	Load(path string, o Options) (Session, error)
	// LoadModel prepares a model that is in memory. The session keeps no reference to m's nodes, but may to its tensors.
	LoadModel(m *onnx.Model, o Options) (Session, error)
}

// Session is a model ready to run. Run may be called from several goroutines at once.
type Session interface {
	// Inputs lists the inputs that Run wants, in the graph's order (initializers left out).
	Inputs() []Value
	// Outputs lists the graph's outputs in order.
	Outputs() []Value
	// Metadata is the model's metadata_props.
	Metadata() map[string]string
	// Run computes all outputs. Inputs are only read; outputs are the caller's. It returns ctx.Err() soon after ctx is
	// done. An error names the input, or the node and operator, that it is about.
	Run(ctx context.Context, inputs map[string]*tensor.Tensor) (map[string]*tensor.Tensor, error)
	// Close frees the session; a Run that is under way finishes first.
	Close() error
}

// Value is a graph input or output: its name, element type, and dimensions as far as the model fixes them.
type Value struct {
	Name string
	op.Info
}

// Options are common to all engines.
type Options struct {
	// Threads is how many threads one Run may use; 0 means GOMAXPROCS.
	Threads int
	// Limits bounds tensor sizes; nil means op.DefaultLimits. Only the embedded engine heeds it.
	Limits *op.Limits
	// File bounds what Load reads; the zero value means onnx's defaults.
	File onnx.LoadOptions
	// Observe, if not nil, is called after each node that the embedded engine has run, from the goroutine of its Run.
	// Other engines do not heed it.
	Observe func(NodeRun)
	// Tap, if not nil, is given every value that the nodes of the embedded engine make, by its name in the graph, from the
	// goroutine of its Run, in the order of the nodes. The tensor is the engine's own and only valid during the call. What
	// one node computes along with another has no value of its own between them (see Unfused). Other engines do not heed it.
	Tap func(value string, t *tensor.Tensor)
	// Unfused has the embedded engine compute every node by itself, so that Tap sees all values. It is slower.
	Unfused bool
}

// String writes "images float[N,3,513,513]".
func (v Value) String() string { return fmt.Sprintf("%s %s", v.Name, v.Info.String()) }
