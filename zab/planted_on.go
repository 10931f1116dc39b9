//go:build planted

package zab

const planted = true
