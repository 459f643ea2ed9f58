//go:build race

package kernel

// raceDetector says that sync.Pool drops what it likes, as it does under the race detector.
const raceDetector = true
