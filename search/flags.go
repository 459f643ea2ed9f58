package search

import (
	"strings"

	"autodeeplab/internal/option"
)

// Flag is an option as a command line sets it.
type Flag = option.Flag[Options]

// Flags lists the options that a command line can set; the classes come from the data.
var Flags = []Flag{
	option.New("layers", "N", "layers L of the trellis", func(o *Options) any { return &o.Layers }),
	option.New("blocks", "N", "blocks B of a cell", func(o *Options) any { return &o.Blocks }),
	option.New("filters", "F", "channels of a block at the finest level", func(o *Options) any { return &o.Filters }),
	option.New("levels", "N", "levels of the trellis, from 1/4", func(o *Options) any { return &o.Levels }),
	option.New("own-weights", "BOOL", "weights of its own for each transition into a node, instead of one set a node", func(o *Options) any { return &o.OwnWeights }),
	option.New("epochs", "N", "passes over half of the training set", func(o *Options) any { return &o.Epochs }),
	option.New("arch-epoch", "N", "epochs before α and β are trained too", func(o *Options) any { return &o.ArchEpoch }),
	option.New("batch", "N", "images a step", func(o *Options) any { return &o.Batch }),
	option.New("crops", "N,…", "sizes of the square crops, taken in turn", func(o *Options) any { return &o.Crops }),
	option.New("scale", "X", "resize the images by this before cropping", func(o *Options) any { return &o.Scale }),
	option.New("augment", "BOOL", "random scales, beside random flips and places", func(o *Options) any { return &o.Augment }),
	option.New("seed", "N", "seed of everything random", func(o *Options) any { return &o.Seed }),
	option.New("rate", "X", "first learning rate of the weights", func(o *Options) any { return &o.Rate }),
	option.New("last-rate", "X", "last learning rate of the weights, after half a cosine", func(o *Options) any { return &o.LastRate }),
	option.New("momentum", "X", "momentum of the weights", func(o *Options) any { return &o.Momentum }),
	option.New("decay", "X", "decay of the weights", func(o *Options) any { return &o.Decay }),
	option.New("clip", "X", "limit of the norm of the weights' gradient, 0 for none", func(o *Options) any { return &o.Clip }),
	option.New("arch-rate", "X", "learning rate of α and β", func(o *Options) any { return &o.ArchRate }),
	option.New("arch-decay", "X", "decay of α and β", func(o *Options) any { return &o.ArchDecay }),
	option.New("norm-momentum", "X", "weight of a batch in the moving averages of normalisation", func(o *Options) any { return &o.NormMomentum }),
	option.New("validate-every", "N", "epochs from one validation to the next, 0 for the last only", func(o *Options) any { return &o.ValidateEvery }),
	option.New("validate-images", "N", "images to validate on, spread over the set, 0 for all", func(o *Options) any { return &o.ValidateImages }),
	option.New("cost", "KIND", "add the expected "+strings.Join(CostNames, ", ")+" to the loss", func(o *Options) any { return &o.Cost }),
	option.New("cost-weight", "X", "weight λ of --cost, relative to that of a uniform relaxation", func(o *Options) any { return &o.CostWeight }),
	option.New("stop-entropy", "X", "stop once the mean entropy of α is at most this, of 1", func(o *Options) any { return &o.StopEntropy }),
	option.New("stop-stable", "N", "stop once the decoded architecture has stood for so many epochs", func(o *Options) any { return &o.StopStable }),
}
