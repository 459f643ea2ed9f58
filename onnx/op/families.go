package op

// families lists the shape-rule tables, one per file of this package; each is named for its family.
var families = []map[string]Rule{
	unaryRules, binaryRules, whereRules, castRules, clipRules, quantizeRules,
	poolRules, normRules, softmaxRules, reduceRules, argRules, topkRules, resizeRules, depthspaceRules,
	concatRules, splitRules, sliceRules, gatherRules, padRules, reshapeRules, squeezeRules, transposeRules, expandRules,
	shapeRules, constantRules, rangeRules,
	convRules, matmulRules,
}
