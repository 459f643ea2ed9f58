package kernel

// DepthToSpace moves blocks of b × b channels into squares of pixels: src is n images of channels·b² planes of
// height × width, dst n images of channels planes of height·b × width·b. In source channel order the block is the outer
// index (ONNX's DCR), or the inner one (columnRowDepth, ONNX's CRD).
func DepthToSpace[T any](p *Pool, dst, src []T, n, channels, height, width, b int, columnRowDepth bool) {
	blockRows(p, n, channels, height, width, b, columnRowDepth, func(depth, space int) {
		from, to := src[depth:][:width], dst[space:]
		for x, v := range from {
			to[x*b] = v
		}
	})
}

// SpaceToDepth is the inverse of DepthToSpace with the block as the outer index: dst is n images of channels·b² planes
// of height × width, src n images of channels planes of height·b × width·b.
func SpaceToDepth[T any](p *Pool, dst, src []T, n, channels, height, width, b int) {
	blockRows(p, n, channels, height, width, b, false, func(depth, space int) {
		to, from := dst[depth:][:width], src[space:]
		for x := range to {
			to[x] = from[x*b]
		}
	})
}

// blockRows calls move for each row of the deep tensor, with where it starts and where its first pixel lies in the
// tensor of squares.
func blockRows(p *Pool, n, channels, height, width, b int, crd bool, move func(depth, space int)) {
	planes := channels * b * b
	p.For(n*planes*height, rowGrain(width), func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			y, plane := r%height, r/height
			image, d := plane/planes, plane%planes
			c, block := d%channels, d/channels
			if crd {
				c, block = d/(b*b), d%(b*b)
			}
			move(r*width, (((image*channels+c)*height+y)*b+block/b)*width*b+block%b)
		}
	})
}
