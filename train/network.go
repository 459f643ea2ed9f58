package train

import (
	"fmt"
	"runtime"
	"slices"

	"autodeeplab/compile"
	"autodeeplab/compile/pass"
	"autodeeplab/internal/gorgoniaop"
	"autodeeplab/internal/kernel"
	"autodeeplab/onnx"
	"autodeeplab/onnx/tensor"
)

// Parameter is one trainable initializer of the model.
type Parameter[T kernel.Float] struct {
	Name     string // of the ONNX initializer
	Shape    []int
	Value    []T
	Gradient []T  // a step adds to it; the owner of the network clears it
	Decay    bool // kernels decay; scale and shift of batch normalisation and biases do not
}

// Moments are the moving averages of one BatchNormalization, which inference normalises with.
type Moments[T kernel.Float] struct {
	Node                   string // of the BatchNormalization
	MeanName, VarianceName string // of the ONNX initializers
	Mean, Variance         []T
}

// NetworkOptions say what a network is built for and how it is regularised.
type NetworkOptions struct {
	// Batch, Height and Width of the images of one step.
	Batch, Height, Width int
	// Threads that work on a step; 0 means GOMAXPROCS. Results do not depend on it.
	Threads int
	// FreezeBN normalises with the moving averages and keeps them; scale and shift are still trained.
	FreezeBN bool
	// BNDecay is the weight of the old moving average at each step (0.9997 in the authors' release).
	BNDecay float64
	// Smoothing is label smoothing: this share of a pixel's target is spread over all classes.
	Smoothing float64
	// ClassWeights weigh the pixels of each class; nil weighs all alike.
	ClassWeights []float64
	// Ignore is the label of pixels that do not count (255 in most data sets).
	Ignore uint8
	// DropPath is p of ScheduledDropPath: the probability with which the last layer keeps a branch at the last step. 1
	// drops nothing, and so does 0, and any p in networks that are not package compile's.
	DropPath float64
	// Dropout is the rate of the graph's Dropout nodes and, in networks of package compile, behind the ASPP's
	// projection.
	Dropout float64
}

// Random says where a step stands: every random number is a function of it.
type Random struct {
	Seed        uint64
	Step, Steps int
	Part        int // counts the batches whose gradients one update adds up
}

// check refuses options out of range.
func (o *NetworkOptions) check() error {
	switch {
	case o.Batch < 1 || o.Height < 1 || o.Width < 1:
		return fmt.Errorf("%d images of %d×%d, want at least 1 of 1×1 (--batch, --crop)", o.Batch, o.Height, o.Width)
	case !(o.BNDecay >= 0 && o.BNDecay <= 1):
		return fmt.Errorf("a decay of %v of the moving averages, want 0 to 1 (--bn-decay)", o.BNDecay)
	case !(o.Smoothing >= 0 && o.Smoothing < 1):
		return fmt.Errorf("label smoothing of %v, want 0 or more, less than 1 (--label-smoothing)", o.Smoothing)
	case !(o.DropPath >= 0 && o.DropPath <= 1):
		return fmt.Errorf("drop path with p = %v, want a probability (--drop-path)", o.DropPath)
	case !(o.Dropout >= 0 && o.Dropout < 1):
		return fmt.Errorf("dropout at a rate of %v, want 0 or more, less than 1 (--dropout)", o.Dropout)
	}
	for i, w := range o.ClassWeights {
		if !(w >= 0 && w <= 1e9) {
			return fmt.Errorf("weight %v of class %d, want 0 or more (--class-weights)", w, i)
		}
	}
	return nil
}

// Network is a model's training step for one size of batch, as a graph of gorgonia. Its parameters and moving averages
// may be shared with networks of other sizes (Resized); of those, one may run at a time.
type Network[T kernel.Float] struct {
	o       NetworkOptions
	model   *onnx.Model
	net     *gorgoniaop.Net[T]
	env     *gorgoniaop.Env[T]
	paths   *dropPaths
	params  []*Parameter[T]
	moments []*Moments[T]
	classes int
}

// NewNetwork builds the training step of a model: one input of images [N, 3, H, W], one output of logits [N, classes,
// H', W'], and in between operators that can be trained through (Operators). Parameters are the initializers that
// convolutions and normalisations take; they begin as the model has them. m is not changed.
func NewNetwork[T kernel.Float](m *onnx.Model, o NetworkOptions) (*Network[T], error) {
	return newNetwork[T](m, o, nil)
}

// Resized builds another network of the same model over the same parameters and moving averages.
func (n *Network[T]) Resized(o NetworkOptions) (*Network[T], error) {
	return newNetwork(n.model, o, n)
}

func newNetwork[T kernel.Float](m *onnx.Model, o NetworkOptions, shared *Network[T]) (*Network[T], error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.DropPath == 0 {
		o.DropPath = 1
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	n := &Network[T]{o: o, model: m, env: gorgoniaop.NewEnv[T](kernel.NewPool(o.Threads)), paths: newDropPaths(m, o.DropPath)}
	n.env.Momentum = T(1 - o.BNDecay)
	b := &translation[T]{o: &n.o, paths: n.paths, shared: shared}
	if err := b.build(m, n.env); err != nil {
		n.env.Pool.Close()
		return nil, err
	}
	n.net, n.params, n.moments, n.classes = b.net, b.params, b.moments, b.classes
	if shared != nil {
		n.params, n.moments = shared.params, shared.moments
	}
	return n, nil
}

// Parameters lists what is learnt, in the order in which the graph's nodes use it.
func (n *Network[T]) Parameters() []*Parameter[T] { return n.params }

// Moments lists the moving averages of all normalisations, in the order of the nodes.
func (n *Network[T]) Moments() []*Moments[T] { return n.moments }

// Classes is the number of channels of the logits.
func (n *Network[T]) Classes() int { return n.classes }

// Memory is how many bytes the images and gradients inside the network take.
func (n *Network[T]) Memory() int {
	if _, ok := any(T(0)).(float64); ok {
		return 8 * n.net.Memory()
	}
	return 4 * n.net.Memory()
}

// Step runs the forward and backward pass of a batch: image is [N, 3, H, W] of the values that the model takes, labels
// [N, H', W'] of the logits' size. It returns the mean cross-entropy over the pixels that are not ignored, adds to the
// parameters' gradients and moves the moving averages.
func (n *Network[T]) Step(image []T, labels []uint8, r Random) (loss float64, err error) {
	planes, size := 3*n.o.Batch, n.o.Height*n.o.Width
	if len(image) != planes*size {
		return 0, fmt.Errorf("an image of %d values, want %d×3×%d×%d", len(image), n.o.Batch, n.o.Height, n.o.Width)
	}
	dst := n.net.InputValues()
	for i := range planes {
		copy(dst[(i%3*n.o.Batch+i/3)*size:][:size], image[i*size:])
	}
	n.net.Chance = gorgoniaop.NewChance(r.Seed, uint64(r.Step), uint64(r.Part))
	if n.paths != nil {
		n.paths.part = min(1, float64(r.Step)/float64(max(r.Steps, 1)))
	}
	return n.net.Run(labels)
}

// Model gives the model with the present values of parameters and moving averages as its initializers; all else is kept,
// but for the seed of the first weights.
func (n *Network[T]) Model() (*onnx.Model, error) {
	values := map[string][]T{}
	for _, p := range n.params {
		values[p.Name] = p.Value
	}
	for _, m := range n.moments {
		values[m.MeanName], values[m.VarianceName] = m.Mean, m.Variance
	}
	out := pass.Copy(n.model)
	for i, p := range out.GetGraph().GetInitializer() {
		v, ok := values[p.GetName()]
		if !ok {
			continue
		}
		_, shape, err := onnx.Inspect(p)
		if err != nil {
			return nil, err
		}
		out.Graph.Initializer[i] = onnx.Encode(p.GetName(), tensor.Of(convert[float32](v), shape...))
	}
	out.MetadataProps = slices.DeleteFunc(out.MetadataProps, func(p *onnx.Property) bool { return p.GetKey() == compile.KeySeed })
	return out, nil
}

// Close ends the network's goroutines and releases the machine that runs its graph.
func (n *Network[T]) Close() error {
	n.env.Pool.Close()
	return n.net.Close()
}
