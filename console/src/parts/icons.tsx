/** The console's own small set of line icons. They only repeat what a text beside them says, so all are hidden from readers. */
import type { ReactNode } from 'react';

type IconProps = { size?: number };

function Drawing({ size = 16, children }: IconProps & { children: ReactNode }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      {children}
    </svg>
  );
}

export function CheckIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="m4.5 10.5 3.5 3.5 7.5-8" />
    </Drawing>
  );
}
export function BarredIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <circle cx="10" cy="10" r="6.5" />
      <path d="m5.6 5.6 8.8 8.8" />
    </Drawing>
  );
}
export function WarningIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M10 3.2 17.6 16.4H2.4Z" />
      <path d="M10 8.2v3.6M10 14v.1" />
    </Drawing>
  );
}
export function PersonIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <circle cx="10" cy="6.8" r="3" />
      <path d="M4 16.6c.6-3.2 3-4.8 6-4.8s5.4 1.6 6 4.8" />
    </Drawing>
  );
}
export function PeopleIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <circle cx="7.5" cy="7" r="2.6" />
      <path d="M2.6 16c.4-2.9 2.3-4.3 4.9-4.300s4.5 1.4 4.9 4.300M13 4.700a2.5 2.5 0 0 1 0 4.700M14.6 12.200c1.6.6 2.6 1.9 2.9 3.8" />
    </Drawing>
  );
}
export function OrganisationIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M4 17V4.500h7V17M11 8.500h5V17M2.5 17h15M6.5 7.500h2M6.5 10.500h2M6.5 13.500h2M13.3 11.500h.4M13.3 14h.4" />
    </Drawing>
  );
}
export function ProjectIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="m10 2.8 6.5 3.600v7.200L10 17.200l-6.5-3.600V6.400Z" />
      <path d="m3.7 6.5 6.3 3.5 6.3-3.500M10 10v7" />
    </Drawing>
  );
}
export function TrailIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M4 4.500h.1M4 10h.1M4 15.500h.1M7.5 4.500H16M7.5 10H16M7.5 15.500H16" />
    </Drawing>
  );
}
export function KeyIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <circle cx="6.5" cy="13.5" r="3.2" />
      <path d="m8.9 11.1 7.3-7.300M13 7l2.5 2.5" />
    </Drawing>
  );
}
export function RobotIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <rect x="3.5" y="7" width="13" height="9" rx="2" />
      <path d="M10 7V3.800M7.5 11v1.500M12.5 11v1.5" />
    </Drawing>
  );
}
export function SwitchIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <rect x="2.5" y="5.5" width="15" height="9" rx="4.5" />
      <circle cx="13" cy="10" r="2" />
    </Drawing>
  );
}
export function DeviceIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <rect x="3" y="4" width="14" height="9.5" rx="1.5" />
      <path d="M7.5 16.800h5M10 13.500v3.3" />
    </Drawing>
  );
}
export function SearchIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <circle cx="8.8" cy="8.8" r="5" />
      <path d="m12.6 12.6 4 4" />
    </Drawing>
  );
}
export function FilterIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M3 5h14M5.8 10h8.400M8.5 15h3" />
    </Drawing>
  );
}
export function CloseIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="m5.5 5.5 9 9M14.5 5.500l-9 9" />
    </Drawing>
  );
}
export function CopyIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <rect x="7" y="7" width="9.5" height="9.5" rx="1.5" />
      <path d="M13 7V5A1.5 1.5 0 0 0 11.5 3.500H5A1.5 1.5 0 0 0 3.5 5v6.500A1.5 1.5 0 0 0 5 13h2" />
    </Drawing>
  );
}
export function DownloadIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M10 3.500v9M6.3 9l3.7 3.700L13.7 9M4 16.500h12" />
    </Drawing>
  );
}
export function PlayIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M6.5 4.500v11l9-5.500Z" />
    </Drawing>
  );
}
export function PauseIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M7 4.500v11M13 4.500v11" />
    </Drawing>
  );
}
export function MenuIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M3.5 5.500h13M3.5 10h13M3.5 14.500h13" />
    </Drawing>
  );
}
export function ColumnsIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <rect x="3" y="4" width="14" height="12" rx="1.5" />
      <path d="M8 4v12M12.5 4v12" />
    </Drawing>
  );
}
export function MoreIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M5 10h.1M10 10h.1M15 10h.1" strokeWidth="2.6" />
    </Drawing>
  );
}
export function OlderIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="m8 5 5 5-5 5" />
    </Drawing>
  );
}
export function NewerIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="m12 5-5 5 5 5" />
    </Drawing>
  );
}
export function LockIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <rect x="4.5" y="9" width="11" height="7.500" rx="1.5" />
      <path d="M7 9V6.500a3 3 0 0 1 6 0V9" />
    </Drawing>
  );
}
export function ClockIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <circle cx="10" cy="10" r="6.5" />
      <path d="M10 6v4l2.700 1.800" />
    </Drawing>
  );
}
export function EraserIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="m3.500 12.500 8-8 5 5-7 7h-3z" />
      <path d="m8 8 5 5M9.500 16.500h7" />
    </Drawing>
  );
}
export function PlusIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M10 4.500v11M4.5 10h11" />
    </Drawing>
  );
}
export function LinkIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M8 5H5a1.5 1.5 0 0 0-1.5 1.500V15A1.5 1.5 0 0 0 5 16.500h8.500A1.5 1.5 0 0 0 15 15v-3M11.5 3.500h5v5M16.5 3.5 9.5 10.5" />
    </Drawing>
  );
}
export function SunIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <circle cx="10" cy="10" r="3.2" />
      <path d="M10 2.500v1.800M10 15.700v1.800M2.5 10h1.800M15.7 10h1.800M4.7 4.7 6 6M14 14l1.3 1.300M4.7 15.3 6 14M14 6l1.3-1.3" />
    </Drawing>
  );
}
export function NameIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M3.5 9.500V3.500h6l7 7-6 6Z" />
      <path d="M7 7h.1" />
    </Drawing>
  );
}
export function SettingsIcon(props: IconProps) {
  return (
    <Drawing {...props}>
      <path d="M3 6h7M14 6h3M3 14h3M10 14h7" />
      <circle cx="12" cy="6" r="2" />
      <circle cx="8" cy="14" r="2" />
    </Drawing>
  );
}

/** The tally: four strokes and one across. */
export function Mark({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="#1d4f5c" />
      <path d="M9 8v16M14 8v16M19 8v16M24 8v16" stroke="#fff" strokeWidth="2.4" strokeLinecap="round" />
      <path d="M6 21 27 11" stroke="#f0b357" strokeWidth="2.6" strokeLinecap="round" />
    </svg>
  );
}
