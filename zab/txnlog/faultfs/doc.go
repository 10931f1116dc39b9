// Package faultfs is a disk in memory that does what real ones do at their worst, on command and repeatably: what was not synced is
// lost sector by sector, the n-th operation fails, a failed sync drops the data and pretends to be fine afterwards, space runs out,
// bits rot, an operation stalls.
//
// It implements [txnlog.FS]. A test runs a log on a [Disk], lets something happen, and goes on with what [Disk.Crash] (power cut) or
// [Disk.Clone] (the process was killed, the kernel's cache lives) leaves. All methods are safe from any goroutine.
package faultfs
