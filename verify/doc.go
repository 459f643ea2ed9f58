// Package verify compares two sides, each a model on an engine: one model on two engines, or two models on one. It finds
// out whether their outputs agree, where they do not at which node that begins (Layers), and whether what comes out for
// the user, the label of each pixel, is the same.
//
// Values are compared relative to the range of the reference: the largest error divided by the difference between the
// largest and the smallest number of the tensor. Where the two sides give different things (logits and labels, another
// output stride, float and int8), their labels are compared at the picture's own size, and the report says so.
package verify
