// Package compile turns an Architecture into an ONNX model: the network of Auto-DeepLab (Liu et al., CVPR 2019) as the
// authors' release trains it, at any width, number of classes and input size, with weights from a seed or a file.
//
// There is one lowering, to the training form: BatchNormalization kept, every weight a named initializer. The inference
// form is the training form after the required passes of compile/pass, which keep the names of weights, so that the
// network can still be lowered to other sizes. Deploy makes of either, and of networks from elsewhere, what is to run:
// pictures as bytes, labels in place of logits, fixed sizes or named axes, several scales in one graph, after all passes.
//
// # Names
//
// Every node and value is named by its place, a path whose first element is the part of the network that Summarize
// groups by:
//
//	preprocess/…                                   normalisation, x·2/255 − 1
//	size/…                                         arithmetic on the image's shape, where an axis is dynamic
//	stem/conv0 … stem/conv2                        the three convolutions of the stem
//	cell3/input0, cell3/input1                     the 1×1 convolutions of H^{l-1} and H^{l-2}; cell3/resize…
//	cell3/block1/branch0/sep_conv_3x3/depthwise0   the operator of a branch; its last value ends the branch, and the
//	cell3/block1/add                               block's Add is its only reader (where a trainer puts ScheduledDropPath)
//	aspp/conv1x1, aspp/atrous0 … 2, aspp/pool, aspp/project
//	decoder/low_level, decoder/conv0, decoder/conv1
//	logits/conv, logits/resize
//	input/…, output/…, views/…                     what Deploy puts before, behind and around the network
//
// The weights of a convolution at place p are p/weight (and logits/conv/bias), its batch normalisation has p/bn/scale,
// p/bn/bias, p/bn/mean and p/bn/variance. Graph input: "image", float32 [N,3,H,W], RGB 0…255. Graph output: "logits",
// float32 [N,classes,H,W].
package compile
