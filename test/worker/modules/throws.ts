// Cannot be imported in a thread.

throw new Error("this module cannot be imported");
