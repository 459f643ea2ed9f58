package kernel

// Border lays N images of one channel, H×W pixels each, out as one run of elements with zeros around every image, so
// that a tap of a convolution or pooling window is a constant offset from every pixel:
//
//	Pad + Pad·stride zeros │ row 0 of image 0, Pad zeros │ row 1, Pad zeros │ … │ Pad rows of zeros │ row 0 of image 1 …
//
// The Pad elements between two rows serve as the right border of one and the left border of the next, and the Pad rows
// between two images likewise. An offset of at most Pad rows and Pad columns from any pixel, or from any element between
// two pixels, stays inside the run.
type Border struct{ N, H, W, Pad int }

// Stride is how many elements lie between a pixel and the one below it.
func (b Border) Stride() int { return b.W + b.Pad }

// imageStride is how many elements lie between an image and the next.
func (b Border) imageStride() int { return (b.H + b.Pad) * b.Stride() }

// Len is the number of elements of the run.
func (b Border) Len() int { return b.Pad + b.Pad*b.Stride() + b.N*b.imageStride() }

// Offset is how far the pixel dy rows below and dx columns to the right lies from a pixel; both may be negative.
func (b Border) Offset(dy, dx int) int { return dy*b.Stride() + dx }

// First is the index of the first pixel of the first image.
func (b Border) First() int { return b.Pad*b.Stride() + b.Pad }

// Span is the number of elements from the first pixel of the first image to the last pixel of the last one, both
// included, or 0 if there is no pixel. A loop over [First, First+Span) meets every pixel, and the border elements
// between them, where what it computes is to be ignored.
func (b Border) Span() int {
	if b.N <= 0 || b.H <= 0 || b.W <= 0 {
		return 0
	}
	return (b.N-1)*b.imageStride() + (b.H-1)*b.Stride() + b.W
}

// eachImage calls body for every image: dense is where it begins in [N][H][W], run where its first pixel lies in the run.
func (b Border) eachImage(body func(dense, run int)) {
	for n := range b.N {
		body(n*b.H*b.W, b.First()+n*b.imageStride())
	}
}

// copyPlane copies rows of cols elements between two strides; addPlane adds them.
func copyPlane[T any](dst, src []T, rows, cols, to, from int) {
	if d, ok := any(dst).([]float32); ok && trainFast != nil && rows > 0 && cols > 0 {
		s := any(src).([]float32)
		_, _ = d[(rows-1)*to+cols-1], s[(rows-1)*from+cols-1]
		trainFast.planeCopy(&d[0], &s[0], rows, cols, to, from)
		return
	}
	for y := range rows {
		copy(dst[y*to:][:cols], src[y*from:][:cols])
	}
}

func addPlane[T Float](dst, src []T, rows, cols, to, from int) {
	if d, ok := any(dst).([]float32); ok && trainFast != nil && rows > 0 && cols > 0 {
		s := any(src).([]float32)
		_, _ = d[(rows-1)*to+cols-1], s[(rows-1)*from+cols-1]
		trainFast.planeAdd(&d[0], &s[0], rows, cols, to, from)
		return
	}
	for y := range rows {
		AddTo(dst[y*to:][:cols], src[y*from:][:cols])
	}
}

// Expand copies dense images [N][H][W] to the pixels of the run dst. The borders are left alone, so that a run cleared
// once can be filled again and again.
func Expand[T any](b Border, dst, src []T) {
	b.eachImage(func(dense, run int) { copyPlane(dst[run:], src[dense:], b.H, b.W, b.Stride(), b.W) })
}

// Compress gathers, for every pixel, the element of the run src that lies offset from it, into dense images [N][H][W].
func Compress[T any](b Border, dst, src []T, offset int) {
	b.eachImage(func(dense, run int) { copyPlane(dst[dense:], src[run+offset:], b.H, b.W, b.W, b.Stride()) })
}

// CompressAdd is Compress, but adds to dst.
func CompressAdd[T Float](b Border, dst, src []T, offset int) {
	b.eachImage(func(dense, run int) { addPlane(dst[dense:], src[run+offset:], b.H, b.W, b.W, b.Stride()) })
}

// ExpandAdd adds dense images [N][H][W] to the elements of the run dst that lie offset from the pixels.
func ExpandAdd[T Float](b Border, dst, src []T, offset int) {
	b.eachImage(func(dense, run int) { addPlane(dst[run+offset:], src[dense:], b.H, b.W, b.Stride(), b.W) })
}
