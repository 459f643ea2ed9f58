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

// eachRow calls body for every row of pixels: dense is where it begins in [N][H][W], run where in the run.
func (b Border) eachRow(body func(dense, run int)) {
	for n := range b.N {
		for y := range b.H {
			body((n*b.H+y)*b.W, b.First()+n*b.imageStride()+y*b.Stride())
		}
	}
}

// Expand copies dense images [N][H][W] to the pixels of the run dst. The borders are left alone, so that a run cleared
// once can be filled again and again.
func Expand[T any](b Border, dst, src []T) {
	b.eachRow(func(dense, run int) { copy(dst[run:][:b.W], src[dense:][:b.W]) })
}

// Compress gathers, for every pixel, the element of the run src that lies offset from it, into dense images [N][H][W].
func Compress[T any](b Border, dst, src []T, offset int) {
	b.eachRow(func(dense, run int) { copy(dst[dense:][:b.W], src[run+offset:][:b.W]) })
}

// CompressAdd is Compress, but adds to dst.
func CompressAdd[T Float](b Border, dst, src []T, offset int) {
	b.eachRow(func(dense, run int) { AddTo(dst[dense:][:b.W], src[run+offset:][:b.W]) })
}

// ExpandAdd adds dense images [N][H][W] to the elements of the run dst that lie offset from the pixels.
func ExpandAdd[T Float](b Border, dst, src []T, offset int) {
	b.eachRow(func(dense, run int) { AddTo(dst[run+offset:][:b.W], src[dense:][:b.W]) })
}
