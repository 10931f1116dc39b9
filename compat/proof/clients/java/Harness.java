import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.KeeperException;

/** How the program talks to its test: one line for each check, and requests for a restart. See ../doc.go. */
final class Harness {
    static final long PATIENCE_MS = 120_000;

    /**
     * The same server four times. A ZooKeeper that starts may take a connection and never answer it; the client waits for its session timeout divided by the
     * number of servers, and with one server that is as long as its session lives.
     */
    static String fourTimes(String hosts) {
        int slash = hosts.indexOf('/');
        String server = slash < 0 ? hosts : hosts.substring(0, slash);
        return String.join(",", server, server, server, server) + hosts.substring(server.length());
    }

    private static final BufferedReader IN = new BufferedReader(new InputStreamReader(System.in));

    interface Body {
        void run() throws Exception;
    }

    private Harness() {}

    static void check(String name, Body body) {
        try {
            body.run();
            say("ok " + name);
        } catch (Throwable problem) {
            say("FAIL " + name + " " + where(problem) + problem.toString().replaceAll("\\s+", " "));
        }
    }

    private static String where(Throwable problem) {
        for (StackTraceElement at : problem.getStackTrace()) {
            String file = String.valueOf(at.getFileName());
            boolean ours = !at.getClassName().contains(".");
            if (ours && !file.equals("Harness.java")) {
                return file + ":" + at.getLineNumber() + " ";
            }
        }
        return "";
    }

    static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    static void restart(String how) throws IOException {
        say(how);
        String line = IN.readLine();
        if (!"ready".equals(line)) {
            throw new IOException("the test harness said " + line);
        }
    }

    static void equal(Object got, Object want) {
        if (!Objects.deepEquals(got, want)) {
            throw new AssertionError("got " + text(got) + ", want " + text(want));
        }
    }

    private static String text(Object o) {
        return o instanceof byte[] ? new String((byte[]) o) : String.valueOf(o);
    }

    static void yes(boolean is, String what) {
        if (!is) {
            throw new AssertionError("not so: " + what);
        }
    }

    /** The body must fail with one of these codes. */
    static void refused(Body body, KeeperException.Code... codes) throws Exception {
        try {
            body.run();
        } catch (KeeperException e) {
            for (KeeperException.Code code : codes) {
                if (e.code() == code) {
                    return;
                }
            }
            throw new AssertionError("refused with " + e.code() + " instead of " + java.util.Arrays.toString(codes), e);
        }
        throw new AssertionError("not refused: wanted " + java.util.Arrays.toString(codes));
    }

    static void fails(Class<? extends Throwable> kind, Body body) {
        try {
            body.run();
        } catch (Throwable e) {
            if (kind.isInstance(e)) {
                return;
            }
            throw new AssertionError("failed with " + e + " instead of " + kind, e);
        }
        throw new AssertionError("did not fail with " + kind);
    }

    /** Asks again and again: the other side is another process. */
    static void eventually(String what, Callable<Boolean> yes) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS);
        while (System.nanoTime() < deadline) {
            if (yes.call()) {
                return;
            }
            Thread.sleep(10);
        }
        throw new AssertionError("not within " + PATIENCE_MS + " ms: " + what);
    }

    static <T> T get(CompletableFuture<T> future) throws Exception {
        return future.get(PATIENCE_MS, TimeUnit.MILLISECONDS);
    }

    static <T> CompletableFuture<T> async(Callable<T> body) {
        CompletableFuture<T> done = new CompletableFuture<>();
        Thread thread = new Thread(() -> {
            try {
                done.complete(body.call());
            } catch (Throwable e) {
                done.completeExceptionally(e);
            }
        });
        thread.setDaemon(true);
        thread.start();
        return done;
    }
}
