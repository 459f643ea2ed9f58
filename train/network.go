package train

import "autodeeplab/internal/kernel"

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
	// drops nothing.
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
