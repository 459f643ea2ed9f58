package train

import (
	"strings"

	"autodeeplab/internal/option"
)

// Flag is an option as a command line sets it.
type Flag = option.Flag[Options]

// Flags lists the options that a command line can set.
var Flags = []Flag{
	option.New("epochs", "N", "passes over the training set", func(o *Options) any { return &o.Epochs }),
	option.New("batch", "N", "images that are computed at once", func(o *Options) any { return &o.Batch }),
	option.New("accumulate", "N", "batches whose gradients are added up for one step", func(o *Options) any { return &o.Accumulate }),
	option.New("crop", "HxW", "size of the crops and of the network's input, height first", func(o *Options) any { return &o.Crop }),
	option.New("min-scale", "X", "smallest random scale of the images", func(o *Options) any { return &o.MinScale }),
	option.New("max-scale", "X", "largest random scale", func(o *Options) any { return &o.MaxScale }),
	option.New("scale-step", "X", "step between the scales, 0 for all between", func(o *Options) any { return &o.ScaleStep }),
	option.New("scale-to-crop", "BOOL", "scales of 1 fit the first training image into the crop", func(o *Options) any { return &o.ScaleToCrop }),
	option.New("flip", "BOOL", "flip half of the crops left to right", func(o *Options) any { return &o.Flip }),
	option.New("seed", "N", "seed of everything random", func(o *Options) any { return &o.Seed }),
	option.New("rate", "X", "learning rate at the beginning", func(o *Options) any { return &o.Rate }),
	option.New("last-rate", "X", "learning rate at the end", func(o *Options) any { return &o.LastRate }),
	option.New("power", "X", "power of the poly schedule between them", func(o *Options) any { return &o.Power }),
	option.New("warm-up", "N", "steps over which the rate rises from 0", func(o *Options) any { return &o.WarmUp }),
	option.New("momentum", "X", "momentum", func(o *Options) any { return &o.Momentum }),
	option.New("nesterov", "BOOL", "Nesterov's momentum", func(o *Options) any { return &o.Nesterov }),
	option.New("decay", "X", "decay of the kernels", func(o *Options) any { return &o.Decay }),
	option.New("clip", "X", "limit of the norm of the gradient, 0 for none", func(o *Options) any { return &o.Clip }),
	option.New("average", "X", "write a moving average of the weights in which the old weigh this, 0 for none", func(o *Options) any { return &o.Average }),
	option.New("label-smoothing", "X", "share of the target that is spread over all classes", func(o *Options) any { return &o.LabelSmoothing }),
	option.New("class-weights", "LIST", "of the loss: "+NoWeights+", "+BalancedWeights+" by the data, or a number for each", func(o *Options) any { return &o.ClassWeights }),
	option.New("bn-decay", "X", "weight of the old moving averages of batch normalisation", func(o *Options) any { return &o.BnDecay }),
	option.New("freeze-bn", "BOOL", "normalise with the moving averages, and keep them", func(o *Options) any { return &o.FreezeBn }),
	option.New("drop-path", "X", "ScheduledDropPath: how often the last layer keeps a branch at the end", func(o *Options) any { return &o.DropPath }),
	option.New("dropout", "X", "dropout behind the ASPP, 0 for none", func(o *Options) any { return &o.Dropout }),
	option.New("validate-every", "N", "epochs from one validation to the next, 0 for the last only", func(o *Options) any { return &o.ValidateEvery }),
	option.New("validate-images", "N", "images to validate on, spread over the set, 0 for all", func(o *Options) any { return &o.ValidateImages }),
	option.New("validate-fit", "KIND", "how they go into the network: "+strings.Join(Fits(), ", "), func(o *Options) any { return &o.ValidateFit }),
}
