//! A controller in Rust: greets every config map in the daemon's log.
mod abi;

use abi::*;
use std::ffi::CStr;
use std::mem::size_of;
use std::os::raw::{c_char, c_void};
use std::ptr::null;

struct Greeter {
    host: *const Host,
    log: *const Log,
}

impl Greeter {
    fn info(&self, text: &str) {
        // The table lives as long as the host, which outlives this instance.
        if let Some(log) = unsafe { self.log.as_ref() } {
            (log.write)(self.host, LOG_INFO, Slice::of(text));
        }
    }
}

extern "C" fn create(host: *const Host, instance: *mut *mut c_void, _error: *mut Buffer) -> Code {
    unsafe {
        let log = ((*host).get_interface)(host, LOG_ID.as_ptr().cast()).cast::<Log>();
        *instance = Box::into_raw(Box::new(Greeter { host, log })).cast();
    }
    0
}

extern "C" fn destroy(instance: *mut c_void) {
    drop(unsafe { Box::from_raw(instance.cast::<Greeter>()) });
}

/// gantry.abi.ControllerSpec { name: "rust-greeter" watches { version: "v1" resource: "configmaps" } }
static SPEC: &[u8] = b"\x0a\x0crust-greeter\x12\x10\x12\x02v1\x1a\x0aconfigmaps";

extern "C" fn describe(_instance: *mut c_void, spec: *mut Buffer, _error: *mut Buffer) -> Code {
    unsafe {
        (*spec).data = SPEC.as_ptr();
        (*spec).size = SPEC.len();
    }
    0
}

extern "C" fn reconcile(instance: *mut c_void, ns: Slice, name: Slice, _result: *mut Buffer, _error: *mut Buffer) -> Code {
    // Keys run on several threads: an instance is only ever shared, never borrowed mutably.
    let greeter = unsafe { &*instance.cast::<Greeter>() };
    greeter.info(&unsafe { format!("hello from Rust, {}/{}", ns.text(), name.text()) });
    0
}

static CONTROLLER: Controller = Controller { size: size_of::<Controller>(), describe, map: None, reconcile };

extern "C" fn get_interface(_instance: *mut c_void, id: *const c_char) -> *const c_void {
    let wanted = unsafe { CStr::from_ptr(id) }.to_bytes_with_nul();
    if wanted == CONTROLLER_ID { (&CONTROLLER as *const Controller).cast() } else { null() }
}

struct Interfaces([*const c_char; 2]);
unsafe impl Sync for Interfaces {}
static INTERFACES: Interfaces = Interfaces([CONTROLLER_ID.as_ptr().cast(), null()]);

static DESCRIPTOR: Descriptor = Descriptor {
    size: size_of::<Descriptor>(),
    name: b"rust-greeter\0".as_ptr().cast(),
    version: b"1.0.0\0".as_ptr().cast(),
    vendor: b"Gantry's examples\0".as_ptr().cast(),
    description: b"Greets config maps, in Rust\0".as_ptr().cast(),
    interfaces: INTERFACES.0.as_ptr(),
};

#[no_mangle]
#[allow(non_upper_case_globals)]
pub static gantry_plugin: PluginApi = PluginApi {
    size: size_of::<PluginApi>(),
    abi_major: ABI_MAJOR,
    abi_minor: ABI_MINOR,
    descriptor: &DESCRIPTOR,
    create,
    destroy,
    get_interface,
};
